import { type Command, Option } from 'commander'
import type { OrganizationView } from '../organizations/view.ts'
import { addRevokeAllVerb } from './api-key-revocations.ts'
import { type Cli, listVerb, noun, print, verb } from './command.ts'
import { fields, shortInstant } from './output.ts'

export function organizationsCommand(cli: Cli): Command {
  const organizations = noun('organizations', 'create, list and show organizations', 'mintage organizations list')

  verb(organizations, 'create', 'create an organization', 'mintage organizations create acme --plan pro')
    .argument('<name>', 'for people, 1 to 100 characters')
    .addOption(new Option('--plan <plan>', 'what it may use').choices(['free', 'pro', 'enterprise']).default('free'))
    .action(async (name: string, options: { plan: string; json?: boolean }) => {
      const organization = await cli
        .api()
        .post<OrganizationView>('/v1/organizations', 'create the organization', { name, plan: options.plan })
      print(cli, options, organization, () => organizationFields(organization))
    })

  listVerb<OrganizationView>(organizations, cli, {
    path: '/v1/organizations',
    what: 'organizations',
    example: 'mintage organizations list',
    columns: [
      { title: 'id', value: ({ id }) => id },
      { title: 'name', value: ({ name }) => name },
      { title: 'plan', value: ({ plan }) => plan },
      { title: 'created', value: ({ createdAt }) => shortInstant(createdAt) },
    ],
  })

  verb(organizations, 'show', 'show an organization', 'mintage organizations show org_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f')
    .argument('<id>', 'id of the organization')
    .action(async (id: string, options: { json?: boolean }) => {
      const path = `/v1/organizations/${encodeURIComponent(id)}`
      const organization = await cli.api().get<OrganizationView>(path, 'show the organization')
      print(cli, options, organization, () => organizationFields(organization))
    })

  addRevokeAllVerb(organizations, cli)

  return organizations
}

function organizationFields({ id, name, plan, suspendedAt, createdAt }: OrganizationView): string {
  return fields({ id, name, plan, suspended: suspendedAt, created: createdAt })
}
