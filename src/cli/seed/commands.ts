import type { Command } from 'commander'
import type { ApiKeyView } from '../../api-keys/view.ts'
import type { Page } from '../../db/page.ts'
import type { OrganizationView } from '../../organizations/view.ts'
import type { AdminApi } from '../runtime/admin-api.ts'
import { type Cli, print, verb } from '../runtime/command.ts'
import { type ConsentOptions, requireConsent, withConsent } from '../runtime/consent.ts'
import { findUrl } from '../runtime/credentials.ts'
import { table } from '../runtime/output.ts'
import { withSpinner } from '../runtime/progress.ts'
import { type DemoKey, demoLabel, demoOrganizations } from './data.ts'

/** One API key of the demo. `secret` is set only when the key was made now. */
type Seeded = {
  readonly organization: string
  readonly name: string
  readonly id: string
  readonly made: boolean
  readonly secret: string | null
}

/** `mintage seed`: demo data through the admin API. It may run again: existing data stays as it is. */
export function addSeedCommand(program: Command, cli: Cli): void {
  withConsent(verb(program, 'seed', 'create demo data: organizations and keys of every kind', 'mintage seed'))
    .addHelpText('after', '\nExisting data stays as it is. It asks first where it looks like production.')
    .action(async (options: ConsentOptions) => {
      const api = cli.api()
      const others = await otherOrganizations(api)
      const url = findUrl(cli)
      if (others > 0 || !isLocal(url)) {
        const there =
          others === 0
            ? 'is not on this machine'
            : `already holds ${others === 1 ? 'an organization' : `${others} organizations`}`
        await requireConsent(cli, options, `${url} ${there}. Put demo data into it?`)
      }
      const seeded = await withSpinner(cli, options, 'creating demo data', () => seed(api, new Date()))
      print(cli, options, { items: seeded }, () =>
        table(seeded, [
          { title: 'organization', value: ({ organization }) => organization },
          { title: 'key', value: ({ name }) => name },
          { title: 'id', value: ({ id }) => id },
          { title: 'secret', value: ({ made, secret }) => (made ? secret : 'exists already') },
        ]),
      )
      if (!options.json && seeded.some(({ made }) => made)) cli.output.warn('the secrets are not shown again')
    })
}

/** Counts organizations besides the demo's and that of the first start. One page is enough. */
async function otherOrganizations(api: AdminApi): Promise<number> {
  const { items } = await api.get<Page<OrganizationView>>('/v1/organizations', 'look at the organizations', {
    limit: '200',
  })
  const known = new Set(['default', ...demoOrganizations.map(({ slug }) => slug)])
  return items.filter(({ slug, name }) => !known.has(slug ?? name)).length
}

function isLocal(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}

async function seed(api: AdminApi, now: Date): Promise<Seeded[]> {
  const seeded: Seeded[] = []
  for (const { keys, ...wanted } of demoOrganizations) {
    const { id: organizationId } = await findOrCreateOrganization(api, wanted)
    const query = { organizationId, label: demoLabel, limit: '200' }
    const { items: present } = await api.get<Page<ApiKeyView>>('/v1/api-keys', 'look at the API keys', query)
    for (const key of keys) {
      const known = present.find(({ name }) => name === key.name)
      const { apiKey, secret } = known
        ? { apiKey: known, secret: null }
        : await createDemoKey(api, key, organizationId, now)
      if (key.ends && apiKey.status === 'usable') await endDemoKey(api, apiKey, key.ends)
      seeded.push({ organization: wanted.slug, name: key.name, id: apiKey.id, made: known === undefined, secret })
    }
  }
  return seeded
}

async function findOrCreateOrganization(
  api: AdminApi,
  wanted: { slug: string; name: string; plan: string },
): Promise<OrganizationView> {
  const { items } = await api.get<Page<OrganizationView>>('/v1/organizations', 'look at the organizations', {
    slug: wanted.slug,
  })
  return items[0] ?? (await api.post<OrganizationView>('/v1/organizations', 'create the organization', wanted))
}

async function createDemoKey(
  api: AdminApi,
  { expiresInDays, ends: _, ...settings }: DemoKey,
  organizationId: string,
  now: Date,
): Promise<{ apiKey: ApiKeyView; secret: string }> {
  const expiresAt =
    expiresInDays === undefined ? undefined : new Date(now.getTime() + expiresInDays * 86_400_000).toISOString()
  return await api.post('/v1/api-keys', `create the API key ${settings.name}`, {
    ...settings,
    organizationId,
    expiresAt,
    labels: [demoLabel],
  })
}

async function endDemoKey(api: AdminApi, { id, name }: ApiKeyView, ends: 'disable' | 'revoke'): Promise<void> {
  await api.post(
    `/v1/api-keys/${id}/${ends}`,
    `${ends} the API key ${name}`,
    ends === 'revoke' ? { reason: 'leaked' } : {},
  )
}
