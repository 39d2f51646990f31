import type { Command } from 'commander'
import type { OrganizationView } from '../../organizations/view.ts'
import { wholeNumber } from '../runtime/arguments.ts'
import { type Cli, type JsonOption, noun, print, showVerb, verb } from '../runtime/command.ts'
import { listVerb } from '../runtime/list.ts'
import { member, membersOf } from '../runtime/members.ts'
import { shortTime } from '../runtime/output.ts'
import { addEndingVerbs } from './end.ts'
import { organizationFields } from './fields.ts'
import { addLimitVerbs } from './limits.ts'
import { exampleOrganization, organizationPath } from './path.ts'

export function addOrganizationsCommand(program: Command, cli: Cli): void {
  const summary = 'create, change, suspend, delete and list organizations'
  const organizations = noun(program, 'organizations', summary, 'mintage organizations list')
  addCreateVerb(organizations, cli)
  addReadingVerbs(organizations, cli)
  addChangingVerbs(organizations, cli)
  addLimitVerbs(organizations, cli)
  addEndingVerbs(organizations, cli)
}

const show = (cli: Cli, options: JsonOption, organization: OrganizationView) =>
  print(cli, options, organization, () => organizationFields(organization))

function addCreateVerb(organizations: Command, cli: Cli): void {
  const example = 'mintage organizations create acme --plan pro'
  const create = verb(organizations, 'create', 'create an organization', example)
    .argument('<name>', 'for people, 1 to 100 characters')
    .addOption(member('slug', '--slug <slug>', 'for URLs (default: made from the name)'))
    .addOption(member('email', '--email <email>', 'a contact address'))
    .addOption(member('plan', '--plan <plan>', 'free, pro, enterprise or a custom plan').default('free'))
    .addOption(
      member('maxKeyLifetimeSeconds', '--max-key-lifetime <seconds>', 'longest lifetime of its keys', wholeNumber),
    )
  create.action(async (name: string, options: JsonOption) => {
    const body = { name, ...membersOf(create) }
    show(cli, options, await cli.api().post<OrganizationView>('/v1/organizations', 'create the organization', body))
  })
}

function addReadingVerbs(organizations: Command, cli: Cli): void {
  listVerb<OrganizationView>(organizations, cli, {
    path: '/v1/organizations',
    what: 'organizations',
    example: 'mintage organizations list --suspended true',
    filters: [
      member('slug', '--slug <slug>', 'the one with this slug'),
      member('plan', '--plan <plan>', 'on this plan'),
      member('suspended', '--suspended <whether>', 'suspended or not').choices(['true', 'false']),
    ],
    columns: [
      { title: 'id', value: ({ id }) => id },
      { title: 'name', value: ({ name }) => name },
      { title: 'slug', value: ({ slug }) => slug },
      { title: 'plan', value: ({ plan }) => plan },
      { title: 'suspended', value: ({ suspendedAt }) => suspendedAt && shortTime(suspendedAt) },
      { title: 'created', value: ({ createdAt }) => shortTime(createdAt) },
    ],
  })

  showVerb<OrganizationView>(organizations, cli, {
    what: 'an organization',
    example: `mintage organizations show ${exampleOrganization}`,
    argument: ['<id>', 'id of the organization'],
    path: organizationPath,
    words: organizationFields,
  })
}

function addChangingVerbs(organizations: Command, cli: Cli): void {
  const example = `mintage organizations update ${exampleOrganization} --name Acme`
  const update = verb(organizations, 'update', 'change name, slug or email', example)
    .argument('<id>', 'id of the organization')
    .addOption(member('name', '--name <name>', 'for people, 1 to 100 characters'))
    .addOption(member('slug', '--slug <slug>', 'for URLs'))
    .addOption(member('email', '--email <email>', 'a contact address'))
    .option('--no-email', 'remove the contact address')
    .option('--revision <number>', 'fail if the revision is no longer this one', wholeNumber)
  update.action(async (id: string, { revision, ...options }: JsonOption & { revision?: number }) => {
    const [path, doing] = [organizationPath(id), 'change the organization']
    show(cli, options, await cli.api().patch<OrganizationView>(path, doing, membersOf(update), revision))
  })
}
