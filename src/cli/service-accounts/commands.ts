import { type Command, Option } from 'commander'
import type { ServiceAccountView } from '../../service-accounts/view.ts'
import type { Impact } from '../../usage/impact.ts'
import { impactText, reasonOption } from '../api-keys/revoke.ts'
import { collect, wholeNumber } from '../runtime/arguments.ts'
import { type Cli, listVerb, noun, print, verb } from '../runtime/command.ts'
import { requireConsent, withConsent } from '../runtime/consent.ts'
import { fields, printable, shortInstant } from '../runtime/output.ts'

type CreateOptions = { description?: string; role?: string[]; organization?: string; json?: boolean }
type UpdateOptions = { name?: string; description?: string; role?: string[] | false; revision?: number; json?: boolean }
type DisableOptions = { reason: string; text?: string; dryRun?: boolean; yes?: boolean; json?: boolean }

const example = 'svc_0192f0c4a1b27c3d'
const pathOf = (id: string, verbPath = '') => `/v1/service-accounts/${encodeURIComponent(id)}${verbPath}`

export function serviceAccountsCommand(cli: Cli): Command {
  const accounts = noun('service-accounts', 'members that own several API keys', 'mintage service-accounts list')
  const show = (options: { json?: boolean }, account: ServiceAccountView) =>
    print(cli, options, account, () => accountFields(account))

  verb(accounts, 'create', 'create a service account', 'mintage service-accounts create billing --role developer')
    .argument('<name>', 'unique in its organization')
    .option('--description <text>', 'what it is for')
    .option('--role <role>', 'the most that its keys hold; repeat for more', collect)
    .option('--organization <id>', 'where it belongs (default: your own)')
    .action(
      async (name: string, { description, role: roles, organization: organizationId, ...options }: CreateOptions) => {
        const body = { name, description, roles, organizationId }
        show(
          options,
          await cli.api().post<ServiceAccountView>('/v1/service-accounts', 'create the service account', body),
        )
      },
    )

  listVerb<ServiceAccountView>(accounts, cli, {
    path: '/v1/service-accounts',
    what: 'service accounts',
    example: 'mintage service-accounts list',
    filters: [
      { query: 'organizationId', option: new Option('--organization <id>', 'of this organization') },
      {
        query: 'disabled',
        option: new Option('--disabled <whether>', 'disabled ones, or others').choices(['true', 'false']),
      },
    ],
    columns: [
      { title: 'id', value: ({ id }) => id },
      { title: 'name', value: ({ name }) => name },
      { title: 'roles', value: ({ roles }) => roles.join(' ') },
      { title: 'keys', value: ({ apiKeys }) => apiKeys },
      { title: 'disabled', value: ({ disabledAt }) => disabledAt && shortInstant(disabledAt) },
      { title: 'created', value: ({ createdAt }) => shortInstant(createdAt) },
    ],
  })

  verb(accounts, 'show', 'show a service account', `mintage service-accounts show ${example}`)
    .argument('<id>', 'id of the account')
    .action(async (id: string, options: { json?: boolean }) => {
      show(options, await cli.api().get<ServiceAccountView>(pathOf(id), 'show the service account'))
    })

  verb(
    accounts,
    'update',
    'change name, description or roles',
    `mintage service-accounts update ${example} --role read_only`,
  )
    .argument('<id>', 'id of the account')
    .option('--name <name>', 'unique in its organization')
    .option('--description <text>', 'what it is for')
    .option('--role <role>', 'in place of the former ones; repeat for more', collect)
    .option('--no-role', 'take all roles away')
    .option('--revision <number>', 'only from this revision on', wholeNumber)
    .action(async (id: string, { name, description, role, revision, ...options }: UpdateOptions) => {
      const body = { name, description, roles: role === false ? [] : role }
      show(options, await cli.api().patch<ServiceAccountView>(pathOf(id), 'change the service account', body, revision))
    })

  addSwitchingVerbs(accounts, cli)

  withConsent(
    verb(accounts, 'delete', 'delete one whose keys are all revoked', `mintage service-accounts delete ${example}`),
  )
    .argument('<id>', 'id of the account')
    .action(async (id: string, options: { yes?: boolean; json?: boolean }) => {
      await requireConsent(cli, options, { question: `Delete ${printable(id)}?` })
      await cli.api().remove(pathOf(id), 'delete the service account')
      print(cli, options, { id, deleted: true }, () => `deleted ${printable(id)}`)
    })

  return accounts
}

function addSwitchingVerbs(accounts: Command, cli: Cli): void {
  withConsent(verb(accounts, 'disable', 'stop it and all its keys', `mintage service-accounts disable ${example}`))
    .argument('<id>', 'id of the account')
    .addOption(reasonOption())
    .option('--text <text>', 'why, in your own words')
    .option('--dry-run', 'tell what would break, change nothing')
    .action(async (id: string, options: DisableOptions) => {
      const { reason, text, dryRun } = options
      if (dryRun) {
        const impact = await cli
          .api()
          .post<Impact>(pathOf(id, '/disable'), 'try disabling the service account', { dryRun })
        print(cli, options, impact, () => impactText(impact))
        return
      }
      await requireConsent(cli, options, { question: `Disable ${printable(id)}? Its keys stop, and their tokens die.` })
      await cli.api().post(pathOf(id, '/disable'), 'disable the service account', { reason, text })
      print(
        cli,
        options,
        { id, disabled: true },
        () => `disabled ${printable(id)}: no new tokens, and those that lived are dead`,
      )
    })

  verb(accounts, 'enable', 'let a disabled one go on', `mintage service-accounts enable ${example}`)
    .argument('<id>', 'id of the account')
    .action(async (id: string, options: { json?: boolean }) => {
      await cli.api().post(pathOf(id, '/enable'), 'enable the service account')
      print(cli, options, { id, disabled: false }, () => `enabled ${printable(id)}; tokens from before stay dead`)
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
    disabled: account.disabledAt,
    created: account.createdAt,
    revision: account.revision,
  })
}
