import type { Command } from 'commander'
import { printableText } from '../../observability/printable-text.ts'
import type { ServiceAccountView } from '../../service-accounts/view.ts'
import { collectWords, wholeNumber } from '../runtime/arguments.ts'
import { type Cli, type JsonOption, noun, print, showVerb, verb } from '../runtime/command.ts'
import { endingVerb, withDryRun, withReason } from '../runtime/ending.ts'
import { listVerb } from '../runtime/list.ts'
import { member, membersOf } from '../runtime/members.ts'
import { fields, shortTime, timeAndActor } from '../runtime/output.ts'

const example = 'svc_0192f0c4a1b27c3d'
const pathOf = (id: string, rest = '') => `/v1/service-accounts/${encodeURIComponent(id)}${rest}`

export function addServiceAccountsCommand(program: Command, cli: Cli): void {
  const summary = 'members that hold several API keys'
  const accounts = noun(program, 'service-accounts', summary, 'mintage service-accounts list')
  addCreateVerb(accounts, cli)
  addReadingVerbs(accounts, cli)
  addUpdateVerb(accounts, cli)
  addEndingVerbs(accounts, cli)
}

function addCreateVerb(accounts: Command, cli: Cli): void {
  const command = 'mintage service-accounts create billing --role developer'
  const create = verb(accounts, 'create', 'create a service account', command)
    .argument('<name>', 'unique in its organization')
    .addOption(member('description', '--description <text>', 'what it is for'))
    .addOption(member('roles', '--role <role>', 'the most that its keys may hold; repeat for more', collectWords))
    .addOption(member('organizationId', '--organization <id>', 'where it belongs (default: yours)'))
  create.action(async (name: string, options: JsonOption) => {
    const body = { name, ...membersOf(create) }
    const account = await cli.api().post<ServiceAccountView>('/v1/service-accounts', 'create the service account', body)
    print(cli, options, account, () => accountFields(account))
  })
}

function addReadingVerbs(accounts: Command, cli: Cli): void {
  listVerb<ServiceAccountView>(accounts, cli, {
    path: '/v1/service-accounts',
    what: 'service accounts',
    example: 'mintage service-accounts list',
    filters: [
      member('organizationId', '--organization <id>', 'of this organization'),
      member('disabled', '--disabled <whether>', 'disabled or not').choices(['true', 'false']),
    ],
    columns: [
      { title: 'id', value: ({ id }) => id },
      { title: 'name', value: ({ name }) => name },
      { title: 'roles', value: ({ roles }) => roles.join(' ') },
      { title: 'keys', value: ({ apiKeys }) => apiKeys },
      { title: 'disabled', value: ({ disabledAt }) => disabledAt && shortTime(disabledAt) },
      { title: 'created', value: ({ createdAt }) => shortTime(createdAt) },
    ],
  })

  showVerb<ServiceAccountView>(accounts, cli, {
    what: 'a service account',
    example: `mintage service-accounts show ${example}`,
    argument: ['<id>', 'id of the account'],
    path: pathOf,
    words: accountFields,
  })
}

function addUpdateVerb(accounts: Command, cli: Cli): void {
  const command = `mintage service-accounts update ${example} --role read_only`
  const update = verb(accounts, 'update', 'change name, description or roles', command)
    .argument('<id>', 'id of the account')
    .addOption(member('name', '--name <name>', 'unique in its organization'))
    .addOption(member('description', '--description <text>', 'what it is for'))
    .addOption(member('roles', '--role <role>', 'replaces the current roles; repeat for more', collectWords))
    .option('--no-role', 'remove all roles')
    .option('--revision <number>', 'fail if the revision is no longer this one', wholeNumber)
  update.action(async (id: string, options: JsonOption & { revision?: number }) => {
    const account = await cli
      .api()
      .patch<ServiceAccountView>(pathOf(id), 'change the service account', membersOf(update), options.revision)
    print(cli, options, account, () => accountFields(account))
  })
}

function addEndingVerbs(accounts: Command, cli: Cli): void {
  const disable = verb(
    accounts,
    'disable',
    'disable it and all its keys',
    `mintage service-accounts disable ${example}`,
  )
  endingVerb(withDryRun(withReason(disable.argument('<id>', 'id of the account'))), cli, {
    doing: 'disable the service account',
    question: ([id]) => `Disable ${id}? Its keys and their tokens stop working.`,
    path: ([id = '']) => pathOf(id, '/disable'),
    done: ({ ids: [id = ''] }) => ({
      json: { id, disabled: true },
      text: `disabled ${printableText(id)}: no new tokens, and the existing ones are refused`,
    }),
  })

  verb(accounts, 'enable', 'enable a disabled one again', `mintage service-accounts enable ${example}`)
    .argument('<id>', 'id of the account')
    .action(async (id: string, options: JsonOption) => {
      await cli.api().post(pathOf(id, '/enable'), 'enable the service account')
      const text = `enabled ${printableText(id)}; tokens issued before stay revoked`
      print(cli, options, { id, disabled: false }, () => text)
    })

  const command = `mintage service-accounts delete ${example}`
  const remove = verb(accounts, 'delete', 'delete a service account, and revoke its keys', command)
  endingVerb(withDryRun(remove.argument('<id>', 'id of the account')), cli, {
    doing: 'delete the service account',
    deletes: true,
    question: ([id]) => `Delete ${id}? Its keys are revoked, and their tokens stop working.`,
    path: ([id = '']) => pathOf(id),
    done: ({ ids: [id = ''] }) => ({
      json: { id, deleted: true },
      text: `deleted ${printableText(id)}, and revoked its keys`,
    }),
  })
}

function accountFields(account: ServiceAccountView): string {
  return fields({
    id: account.id,
    name: account.name,
    description: account.description,
    organization: account.organizationId,
    roles: account.roles,
    keys: account.apiKeys,
    disabled: account.disabledAt && timeAndActor(account.disabledAt, account.disabledBy),
    created: account.createdAt,
    revision: account.revision,
  })
}
