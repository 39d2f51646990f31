import type { Command } from 'commander'
import type { MemberView } from '../../members/operations.ts'
import { collectWords } from '../runtime/arguments.ts'
import { type Cli, type JsonOption, noun, print, showVerb, verb } from '../runtime/command.ts'
import { listVerb } from '../runtime/list.ts'
import { member, membersOf } from '../runtime/members.ts'
import { fields } from '../runtime/output.ts'

const pathOf = (id: string, rest = '') => `/v1/members/${encodeURIComponent(id)}${rest}`

export function addMembersCommand(program: Command, cli: Cli): void {
  const members = noun(program, 'members', 'who holds which roles', 'mintage members list')

  listVerb<MemberView>(members, cli, {
    path: '/v1/members',
    what: 'members',
    example: 'mintage members list',
    filters: [member('organizationId', '--organization <id>', 'of this organization')],
    columns: [
      { title: 'id', value: ({ id }) => id },
      { title: 'kind', value: ({ kind }) => kind.replace('_', ' ') },
      { title: 'name', value: ({ name }) => name },
      { title: 'roles', value: ({ roles }) => roles.join(' ') },
    ],
  })

  showVerb<MemberView>(members, cli, {
    what: 'a member',
    example: 'mintage members show svc_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f',
    argument: ['<id>', 'id of a service account or an API key'],
    path: pathOf,
    words: memberFields,
  })

  const example = 'mintage members assign-roles key_0192f0c4a1b27c3d --role developer'
  const assign = verb(members, 'assign-roles', "replace a member's roles", example)
    .argument('<id>', 'id of a service account or an API key')
    .addOption(member('roles', '--role <role>', 'repeat for more', collectWords))
    .option('--no-role', 'remove all roles')
  assign.action(async (id: string, options: JsonOption) => {
    const [path, body] = [pathOf(id, '/assign-roles'), membersOf(assign)]
    const assigned = await cli.api().post<MemberView>(path, 'assign the roles', body)
    print(cli, options, assigned, () => memberFields(assigned))
  })
}

function memberFields(member: MemberView): string {
  return fields({
    id: member.id,
    kind: member.kind.replace('_', ' '),
    name: member.name,
    organization: member.organizationId,
    roles: member.roles,
    'service account': member.serviceAccountId,
    expires: member.expiresAt,
    disabled: member.disabledAt,
    revision: member.revision,
  })
}
