import type { Command } from 'commander'
import { printableText } from '../../observability/printable-text.ts'
import type { RoleView } from '../../roles/operations.ts'
import { collectWords, wholeNumber } from '../runtime/arguments.ts'
import { type Cli, type JsonOption, noun, print, verb } from '../runtime/command.ts'
import { listVerb } from '../runtime/list.ts'
import { member, membersOf } from '../runtime/members.ts'
import { fields } from '../runtime/output.ts'

type Options = JsonOption & { organization?: string; revision?: number }

const pathOf = (name: string, organizationId: string | undefined) =>
  `/v1/roles/${encodeURIComponent(name)}${organizationId === undefined ? '' : `?organizationId=${encodeURIComponent(organizationId)}`}`

const organizationOption = () => member('organizationId', '--organization <id>', 'whose role (default: yours)')

const permissionOption = () =>
  member('permissions', '--permission <permission:reach>', 'such as api_keys.read:own; repeat for more', collectWords)

export function addRolesCommand(program: Command, cli: Cli): void {
  const roles = noun(program, 'roles', 'list roles, and create custom ones', 'mintage roles list')
  addCreateVerb(roles, cli)
  addReadingVerbs(roles, cli)
  addChangingVerbs(roles, cli)
}

function addCreateVerb(roles: Command, cli: Cli): void {
  const example = 'mintage roles create key_reader --permission api_keys.read:own'
  const create = verb(roles, 'create', 'create a role from permissions that you hold', example)
    .addOption(organizationOption())
    .argument('<name>', 'lowercase letters, digits and underscores')
    .addOption(permissionOption().makeOptionMandatory())
  create.action(async (name: string, options: JsonOption) => {
    const role = await cli.api().post<RoleView>('/v1/roles', 'create the role', { name, ...membersOf(create) })
    print(cli, options, role, () => roleFields(role))
  })
}

function addReadingVerbs(roles: Command, cli: Cli): void {
  listVerb<RoleView>(roles, cli, {
    path: '/v1/roles',
    what: 'roles',
    whole: 'built-in ones first',
    example: 'mintage roles list',
    filters: [organizationOption()],
    columns: [
      { title: 'name', value: ({ name }) => name },
      { title: 'kind', value: ({ builtIn }) => (builtIn ? 'built in' : 'custom') },
      { title: 'permissions', value: ({ permissions }) => permissions.length },
    ],
  })

  verb(roles, 'show', 'show what a role permits', 'mintage roles show developer')
    .addOption(organizationOption())
    .argument('<name>', 'name of the role')
    .action(async (name: string, options: Options) => {
      const role = await cli.api().get<RoleView>(pathOf(name, options.organization), 'show the role')
      print(cli, options, role, () => roleFields(role))
    })
}

function addChangingVerbs(roles: Command, cli: Cli): void {
  const example = 'mintage roles update key_reader --permission api_keys.read:own'
  verb(roles, 'update', 'replace the permissions of a custom role', example)
    .addOption(organizationOption())
    .argument('<name>', 'name of a custom role')
    .addOption(permissionOption().makeOptionMandatory())
    .option('--revision <number>', 'fail if the revision is no longer this one', wholeNumber)
    .action(async (name: string, options: Options & { permission: string[] }) => {
      const { permission: permissions, organization, revision } = options
      const role = await cli
        .api()
        .patch<RoleView>(pathOf(name, organization), 'change the role', { permissions }, revision)
      print(cli, options, role, () => roleFields(role))
    })

  verb(roles, 'delete', 'delete a custom role that nobody holds', 'mintage roles delete key_reader')
    .addOption(organizationOption())
    .argument('<name>', 'name of a custom role')
    .action(async (name: string, options: Options) => {
      await cli.api().remove(pathOf(name, options.organization), 'delete the role')
      print(cli, options, { name, deleted: true }, () => `deleted ${printableText(name)}`)
    })
}

function roleFields({ name, builtIn, permissions, organizationId, createdAt, revision }: RoleView): string {
  const head = fields({
    name,
    kind: builtIn ? 'built in' : 'custom',
    organization: organizationId,
    created: createdAt,
    revision,
  })
  return [head, 'permissions', ...permissions.map((permission) => `  ${printableText(permission)}`)].join('\n')
}
