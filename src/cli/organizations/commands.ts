import { type Command, Option } from 'commander'
import type { OrganizationView } from '../../organizations/view.ts'
import type { Impact } from '../../usage/impact.ts'
import { addRevokeAllVerb, impactText, reasonOption } from '../api-keys/revoke.ts'
import { wholeNumber } from '../runtime/arguments.ts'
import { type Cli, listVerb, noun, print, verb } from '../runtime/command.ts'
import { requireConsent, withConsent } from '../runtime/consent.ts'
import { fields, printable, shortInstant } from '../runtime/output.ts'

type CreateOptions = { slug?: string; email?: string; plan: string; maxKeyLifetime?: number; json?: boolean }
type UpdateOptions = { name?: string; slug?: string; email?: string | false; revision?: number; json?: boolean }
type SuspendOptions = { reason: string; text?: string; dryRun?: boolean; yes?: boolean; json?: boolean }

const example = 'org_0192f0c4a1b27c3d'
const pathOf = (id: string, verbPath = '') => `/v1/organizations/${encodeURIComponent(id)}${verbPath}`

export function organizationsCommand(cli: Cli): Command {
  const organizations = noun(
    'organizations',
    'create, change, suspend and list organizations',
    'mintage organizations list',
  )
  const show = (options: { json?: boolean }, organization: OrganizationView) =>
    print(cli, options, organization, () => organizationFields(organization))

  verb(organizations, 'create', 'create an organization', 'mintage organizations create acme --plan pro')
    .argument('<name>', 'for people, 1 to 100 characters')
    .option('--slug <slug>', 'for URLs (default: made out of the name)')
    .option('--email <email>', 'where to reach it')
    .option('--plan <plan>', 'free, pro, enterprise or one of your own', 'free')
    .option('--max-key-lifetime <seconds>', 'keys must expire within', wholeNumber)
    .action(async (name: string, options: CreateOptions) => {
      const { slug, email, plan, maxKeyLifetime: maxKeyLifetimeSeconds } = options
      const body = { name, slug, email, plan, maxKeyLifetimeSeconds }
      show(options, await cli.api().post<OrganizationView>('/v1/organizations', 'create the organization', body))
    })

  listVerb<OrganizationView>(organizations, cli, {
    path: '/v1/organizations',
    what: 'organizations',
    example: 'mintage organizations list --suspended true',
    filters: [
      { query: 'slug', option: new Option('--slug <slug>', 'the one with this slug') },
      { query: 'plan', option: new Option('--plan <plan>', 'on this plan') },
      {
        query: 'suspended',
        option: new Option('--suspended <whether>', 'suspended ones, or others').choices(['true', 'false']),
      },
    ],
    columns: [
      { title: 'id', value: ({ id }) => id },
      { title: 'name', value: ({ name }) => name },
      { title: 'slug', value: ({ slug }) => slug },
      { title: 'plan', value: ({ plan }) => plan },
      { title: 'suspended', value: ({ suspendedAt }) => suspendedAt && shortInstant(suspendedAt) },
      { title: 'created', value: ({ createdAt }) => shortInstant(createdAt) },
    ],
  })

  verb(organizations, 'show', 'show an organization', `mintage organizations show ${example}`)
    .argument('<id>', 'id of the organization')
    .action(async (id: string, options: { json?: boolean }) => {
      show(options, await cli.api().get<OrganizationView>(pathOf(id), 'show the organization'))
    })

  verb(organizations, 'update', 'change name, slug or email', `mintage organizations update ${example} --name Acme`)
    .argument('<id>', 'id of the organization')
    .option('--name <name>', 'for people, 1 to 100 characters')
    .option('--slug <slug>', 'for URLs')
    .option('--email <email>', 'where to reach it')
    .option('--no-email', 'forget where to reach it')
    .option('--revision <number>', 'only from this revision on', wholeNumber)
    .action(async (id: string, { name, slug, email, revision, ...options }: UpdateOptions) => {
      const body = { name, slug, email: email === false ? null : email }
      show(options, await cli.api().patch<OrganizationView>(pathOf(id), 'change the organization', body, revision))
    })

  verb(organizations, 'change-plan', 'put it on another plan', `mintage organizations change-plan ${example} pro`)
    .argument('<id>', 'id of the organization')
    .argument('<plan>', 'free, pro, enterprise or one of your own')
    .action(async (id: string, plan: string, options: { json?: boolean }) => {
      show(options, await cli.api().post<OrganizationView>(pathOf(id, '/change-plan'), 'change the plan', { plan }))
    })

  verb(
    organizations,
    'change-policy',
    'say how long keys may live',
    `mintage organizations change-policy ${example} 7776000`,
  )
    .argument('<id>', 'id of the organization')
    .argument('<seconds>', 'new and changed keys must expire within; or never')
    .action(async (id: string, seconds: string, options: { json?: boolean }) => {
      const body = { maxKeyLifetimeSeconds: seconds === 'never' ? null : wholeNumber(seconds) }
      show(
        options,
        await cli.api().post<OrganizationView>(pathOf(id, '/change-policy'), 'change the lifetime policy', body),
      )
    })

  addSuspensionVerbs(organizations, cli)
  addRevokeAllVerb(organizations, cli)
  return organizations
}

function addSuspensionVerbs(organizations: Command, cli: Cli): void {
  withConsent(
    verb(
      organizations,
      'suspend',
      'stop it: no new tokens, live ones dead',
      `mintage organizations suspend ${example}`,
    ),
  )
    .argument('<id>', 'id of the organization')
    .addOption(reasonOption())
    .option('--text <text>', 'why, in your own words')
    .option('--dry-run', 'tell what would break, change nothing')
    .action(async (id: string, options: SuspendOptions) => {
      const { reason, text, dryRun } = options
      if (dryRun) {
        const impact = await cli
          .api()
          .post<Impact>(pathOf(id, '/suspend'), 'try suspending the organization', { dryRun })
        print(cli, options, impact, () => impactText(impact))
        return
      }
      await requireConsent(cli, options, { question: `Suspend ${printable(id)}? Its keys stop, and its tokens die.` })
      await cli.api().post(pathOf(id, '/suspend'), 'suspend the organization', { reason, text })
      print(
        cli,
        options,
        { id, suspended: true },
        () => `suspended ${printable(id)}: no new tokens, and those that lived are dead`,
      )
    })

  verb(organizations, 'resume', 'let a suspended one go on', `mintage organizations resume ${example}`)
    .argument('<id>', 'id of the organization')
    .action(async (id: string, options: { json?: boolean }) => {
      await cli.api().post(pathOf(id, '/resume'), 'resume the organization')
      print(cli, options, { id, suspended: false }, () => `resumed ${printable(id)}; tokens from before stay dead`)
    })
}

function organizationFields(organization: OrganizationView): string {
  const { limits, maxKeyLifetimeSeconds } = organization
  return fields({
    id: organization.id,
    name: organization.name,
    slug: organization.slug,
    email: organization.email,
    plan: organization.plan,
    limits: `${limits.requestsPerMinute} a minute, ${limits.requestsPerMonth} a month, ${limits.apiKeys} keys`,
    'keys expire': maxKeyLifetimeSeconds === null ? null : `within ${maxKeyLifetimeSeconds} s`,
    suspended: organization.suspendedAt,
    created: organization.createdAt,
    revision: organization.revision,
  })
}
