import { type Command, Option } from 'commander'
import type { MemberView } from '../../members/operations.ts'
import type { RoleView } from '../../roles/operations.ts'
import { collect, wholeNumber } from '../runtime/arguments.ts'
import { type Cli, listVerb, noun, print, verb } from '../runtime/command.ts'
import { fields, printable, table } from '../runtime/output.ts'

type RoleOptions = { permission?: string[]; organization?: string; revision?: number; json?: boolean }

const pathOf = (name: string, organizationId: string | undefined) =>
  `/v1/roles/${encodeURIComponent(name)}${organizationId === undefined ? '' : `?organizationId=${encodeURIComponent(organizationId)}`}`

const permissionOption = () =>
  new Option('--permission <permission:reach>', 'such as api_keys.read:own; repeat for more').argParser(collect)

export function rolesCommand(cli: Cli): Command {
  const roles = noun('roles', 'list roles, and make own ones', 'mintage roles list')
  const show = (options: { json?: boolean }, role: RoleView) => print(cli, options, role, () => roleFields(role))
  const inOrganization = (command: Command) =>
    command.option('--organization <id>', 'whose role (default: of your own)')

  inOrganization(
    verb(
      roles,
      'create',
      'create a role out of permissions that you hold',
      'mintage roles create key_reader --permission api_keys.read:own',
    ),
  )
    .argument('<name>', 'small letters, digits and underscores')
    .addOption(permissionOption().makeOptionMandatory())
    .action(
      async (name: string, { permission: permissions, organization: organizationId, ...options }: RoleOptions) => {
        show(
          options,
          await cli.api().post<RoleView>('/v1/roles', 'create the role', { name, permissions, organizationId }),
        )
      },
    )

  inOrganization(verb(roles, 'list', 'list roles, built-in ones first', 'mintage roles list')).action(
    async ({ organization: organizationId, ...options }: RoleOptions) => {
      const page = await cli.api().get<{ items: RoleView[] }>('/v1/roles', 'list roles', { organizationId })
      print(cli, options, page, () =>
        table(page.items, [
          { title: 'name', value: ({ name }) => name },
          { title: 'kind', value: ({ builtIn }) => (builtIn ? 'built in' : 'own') },
          { title: 'permissions', value: ({ permissions }) => permissions.length },
        ]),
      )
    },
  )

  inOrganization(verb(roles, 'show', 'show what a role permits', 'mintage roles show developer'))
    .argument('<name>', 'name of the role')
    .action(async (name: string, { organization, ...options }: RoleOptions) => {
      show(options, await cli.api().get<RoleView>(pathOf(name, organization), 'show the role'))
    })

  inOrganization(
    verb(
      roles,
      'update',
      'say anew what an own role permits',
      'mintage roles update key_reader --permission api_keys.read:own',
    ),
  )
    .argument('<name>', 'name of an own role')
    .addOption(permissionOption().makeOptionMandatory())
    .option('--revision <number>', 'only from this revision on', wholeNumber)
    .action(async (name: string, { permission: permissions, organization, revision, ...options }: RoleOptions) => {
      show(
        options,
        await cli.api().patch<RoleView>(pathOf(name, organization), 'change the role', { permissions }, revision),
      )
    })

  inOrganization(verb(roles, 'delete', 'delete an own role that nobody holds', 'mintage roles delete key_reader'))
    .argument('<name>', 'name of an own role')
    .action(async (name: string, { organization, ...options }: RoleOptions) => {
      await cli.api().remove(pathOf(name, organization), 'delete the role')
      print(cli, options, { name, deleted: true }, () => `deleted ${printable(name)}`)
    })

  return roles
}

export function membersCommand(cli: Cli): Command {
  const members = noun('members', 'who holds which roles', 'mintage members list')

  listVerb<MemberView>(members, cli, {
    path: '/v1/members',
    what: 'members',
    example: 'mintage members list',
    filters: [{ query: 'organizationId', option: new Option('--organization <id>', 'of this organization') }],
    columns: [
      { title: 'id', value: ({ id }) => id },
      { title: 'kind', value: ({ kind }) => kind.replace('_', ' ') },
      { title: 'name', value: ({ name }) => name },
      { title: 'roles', value: ({ roles }) => roles.join(' ') },
    ],
  })

  verb(members, 'show', 'show a member', 'mintage members show svc_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f')
    .argument('<id>', 'id of a service account or an API key')
    .action(async (id: string, options: { json?: boolean }) => {
      const member = await cli.api().get<MemberView>(`/v1/members/${encodeURIComponent(id)}`, 'show the member')
      print(cli, options, member, () => memberFields(member))
    })

  verb(
    members,
    'assign-roles',
    'give it these roles and no others',
    'mintage members assign-roles key_0192f0c4a1b27c3d --role developer',
  )
    .argument('<id>', 'id of a service account or an API key')
    .option('--role <role>', 'repeat for more', collect)
    .option('--no-role', 'take all roles away')
    .action(async (id: string, { role, ...options }: { role?: string[] | false; json?: boolean }) => {
      const path = `/v1/members/${encodeURIComponent(id)}/assign-roles`
      const member = await cli.api().post<MemberView>(path, 'assign the roles', { roles: role === false ? [] : role })
      print(cli, options, member, () => memberFields(member))
    })

  return members
}

function roleFields({ name, builtIn, permissions, organizationId, createdAt, revision }: RoleView): string {
  const said = fields({
    name,
    kind: builtIn ? 'built in' : 'own',
    organization: organizationId,
    created: createdAt,
    revision,
  })
  return [said, 'permissions', ...permissions.map((permission) => `  ${permission}`)].join('\n')
}

function memberFields({
  id,
  kind,
  name,
  organizationId,
  roles,
  serviceAccountId,
  expiresAt,
  disabledAt,
  revision,
}: MemberView): string {
  return fields({
    id,
    kind: kind.replace('_', ' '),
    name,
    organization: organizationId,
    roles,
    'service account': serviceAccountId,
    expires: expiresAt,
    disabled: disabledAt,
    revision,
  })
}
