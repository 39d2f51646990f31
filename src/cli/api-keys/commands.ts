import { type Command, Option } from 'commander'
import type { ApiKeyDetail, ApiKeyVersionUsage, ApiKeyView } from '../../api-keys/view.ts'
import { formatDuration } from '../../config/duration.ts'
import { wholeNumber } from '../runtime/arguments.ts'
import { type Cli, type Filter, listVerb, noun, print, verb } from '../runtime/command.ts'
import { fields, shortInstant, table } from '../runtime/output.ts'
import { addImportVerb } from './import.ts'
import { apiKeyPath, exampleKey } from './path.ts'
import { addRevokingVerbs } from './revoke.ts'
import { type SettingsOptions, settingsOf, settingsOptions } from './settings.ts'
import { addSwitchingVerbs } from './switches.ts'
import { addVersionVerbs } from './versions.ts'

type CreateOptions = SettingsOptions & { environment: string; organization?: string; json?: boolean }
type UpdateOptions = SettingsOptions & { name?: string; revision?: number; json?: boolean }

const filters: readonly Filter[] = [
  { query: 'organizationId', option: new Option('--organization <id>', 'of this organization') },
  {
    query: 'environment',
    option: new Option('--environment <environment>', 'of this environment').choices(['live', 'test']),
  },
  { query: 'label', option: new Option('--label <label>', 'with this label') },
  { query: 'status', option: new Option('--status <status>', 'that are usable, disabled, expired, revoked, …') },
  { query: 'serviceAccountId', option: new Option('--service-account <id>', 'of this service account') },
  { query: 'name', option: new Option('--name <text>', 'with this in the name') },
  { query: 'createdAfter', option: new Option('--created-after <instant>', 'RFC 3339') },
  { query: 'createdBefore', option: new Option('--created-before <instant>', 'RFC 3339') },
]

export function apiKeysCommand(cli: Cli): Command {
  const apiKeys = noun('api-keys', 'make, find, change, rotate and end API keys', 'mintage api-keys list')

  const create = verb(
    apiKeys,
    'create',
    'create an API key; its secret is shown once',
    'mintage api-keys create orders --scope orders:read',
  )
    .argument('<name>', 'for people, 1 to 100 characters')
    .addOption(
      new Option('--environment <environment>', 'what its tokens are for').choices(['live', 'test']).default('live'),
    )
    .option('--organization <id>', 'where it belongs (default: your own)')
  settingsOptions(create, { takesAway: false }).action(async (name: string, options: CreateOptions) => {
    const { environment, organization: organizationId } = options
    const body = { name, environment, organizationId, ...settingsOf(options) }
    const created = await cli
      .api()
      .post<{ apiKey: ApiKeyView; secret: string }>('/v1/api-keys', 'create the API key', body)
    const { id } = created.apiKey
    print(cli, options, created, () => fields({ id, name: created.apiKey.name, secret: created.secret }))
    if (!options.json) cli.output.warn('the secret is not shown again: keep it where your service reads it')
  })

  listVerb<ApiKeyView>(apiKeys, cli, {
    path: '/v1/api-keys',
    what: 'API keys',
    example: 'mintage api-keys list --label ci --status usable',
    filters,
    columns: [
      { title: 'id', value: ({ id }) => id },
      { title: 'name', value: ({ name }) => name },
      { title: 'env', value: ({ environment }) => environment },
      { title: 'status', value: ({ status }) => status },
      { title: 'hint', value: ({ hint }) => `…${hint}` },
      { title: 'scopes', value: ({ scopes }) => scopes.join(' ') },
      { title: 'created', value: ({ createdAt }) => shortInstant(createdAt) },
    ],
  })

  verb(apiKeys, 'show', 'show an API key', `mintage api-keys show ${exampleKey}`)
    .argument('<id>', 'id of the key')
    .action(async (id: string, options: { json?: boolean }) => {
      const apiKey = await cli.api().get<ApiKeyDetail>(apiKeyPath(id), 'show the API key')
      print(cli, options, apiKey, () => `${apiKeyFields(apiKey)}\n\n${usageTable(apiKey.usage)}`)
    })

  const update = verb(
    apiKeys,
    'update',
    'change what a key says; its secret stays',
    `mintage api-keys update ${exampleKey} --label ci`,
  )
    .argument('<id>', 'id of the key')
    .option('--name <name>', 'for people, 1 to 100 characters')
    .option('--revision <number>', 'only from this revision on', wholeNumber)
  settingsOptions(update).action(async (id: string, options: UpdateOptions) => {
    const body = { ...settingsOf(options), name: options.name }
    const updated = await cli.api().patch<ApiKeyView>(apiKeyPath(id), 'change the API key', body, options.revision)
    print(cli, options, updated, () => apiKeyFields(updated))
  })

  addVersionVerbs(apiKeys, cli)
  addSwitchingVerbs(apiKeys, cli)
  addRevokingVerbs(apiKeys, cli)
  addImportVerb(apiKeys, cli)

  return apiKeys
}

function usageTable(usage: readonly ApiKeyVersionUsage[]): string {
  if (usage.length === 0) return 'not used so far'
  return table(usage, [
    { title: 'version', value: ({ version }) => version },
    { title: 'exchanges', value: ({ exchanges }) => exchanges },
    { title: 'last used', value: ({ lastUsedAt }) => shortInstant(lastUsedAt) },
    { title: 'tokens until', value: ({ lastExpiresAt }) => shortInstant(lastExpiresAt) },
    { title: 'from', value: ({ addresses }) => addresses.join(' ') },
    { title: 'by', value: ({ agents }) => agents.join(' · ').slice(0, 60) },
  ])
}

export function apiKeyFields(apiKey: ApiKeyView): string {
  return fields({
    id: apiKey.id,
    name: apiKey.name,
    ...(apiKey.description === '' ? {} : { description: apiKey.description }),
    ...(apiKey.labels.length === 0 ? {} : { labels: apiKey.labels }),
    status: apiKey.status,
    environment: apiKey.environment,
    organization: apiKey.organizationId,
    ...said('account', apiKey.serviceAccountId),
    scopes: apiKey.scopes,
    audiences: apiKey.audiences,
    roles: apiKey.roles,
    subject: apiKey.subject,
    algorithm: apiKey.tokenAlgorithm,
    ...said('claims', apiKey.customClaims && JSON.stringify(apiKey.customClaims)),
    ...(apiKey.allowedCidrs.length === 0 ? {} : { 'only from': apiKey.allowedCidrs }),
    ...(apiKey.deniedCidrs.length === 0 ? {} : { 'not from': apiKey.deniedCidrs }),
    ...said('own limit', apiKey.requestsPerMinute && `${apiKey.requestsPerMinute} a minute`),
    ...said(
      'rotate',
      apiKey.rotateEverySeconds &&
        `every ${formatDuration(apiKey.rotateEverySeconds)}, due ${apiKey.rotationDueAt ?? '-'}`,
    ),
    version: apiKey.version,
    hint: `…${apiKey.hint}`,
    created: apiKey.createdAt,
    expires: apiKey.expiresAt,
    ...said('disabled', apiKey.disabledAt),
    revoked: apiKey.revokedAt,
    reason: apiKey.revocationReason,
    revision: apiKey.revision,
  })
}

/** What most keys do not have is shown of those that do. */
function said(name: string, value: string | number | null): Record<string, string | number> {
  return value === null || value === 0 ? {} : { [name]: value }
}
