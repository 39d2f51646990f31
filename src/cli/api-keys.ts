import { type Command, Option } from 'commander'
import type { ApiKeyDetail, ApiKeyVersionUsage, ApiKeyView } from '../api-keys/view.ts'
import { algorithms } from '../signing-keys/signer.ts'
import { addImportVerb } from './api-key-import.ts'
import { addRevokingVerbs } from './api-key-revocations.ts'
import { type Cli, collect, listVerb, noun, print, verb } from './command.ts'
import { fields, shortInstant, table } from './output.ts'

type CreateOptions = {
  environment: string
  scope?: string[]
  audience?: string[]
  role?: string[]
  subject?: string
  algorithm?: string
  expiresAt?: string
  organization?: string
  json?: boolean
}

export function apiKeysCommand(cli: Cli): Command {
  const apiKeys = noun('api-keys', 'create, list, show and revoke API keys', 'mintage api-keys list')

  verb(apiKeys, 'create', 'create an API key; its secret is shown once', 'mintage api-keys create orders --scope orders:read')
    .argument('<name>', 'for people, 1 to 100 characters')
    .addOption(new Option('--environment <environment>', 'what its tokens are for').choices(['live', 'test']).default('live'))
    .option('--scope <scope>', 'a scope that it holds; repeat for more', collect)
    .option('--audience <audience>', 'an audience beside the default one; repeat for more', collect)
    .option('--role <role>', 'root or admin; repeat for more', collect)
    .option('--subject <subject>', "sub of its tokens (default: the key's id)")
    .option('--algorithm <algorithm>', `of its tokens: ${algorithms.join(', ')}`)
    .option('--expires-at <instant>', 'RFC 3339, such as 2027-01-01T00:00:00Z')
    .option('--organization <id>', 'where it belongs (default: your own)')
    .action(async (name: string, options: CreateOptions) => {
      const { environment, scope: scopes, audience: audiences, role: roles, subject, expiresAt } = options
      const { algorithm: tokenAlgorithm, organization: organizationId } = options
      const body = { name, environment, scopes, audiences, roles, subject, tokenAlgorithm, expiresAt, organizationId }
      const created = await cli.api().post<{ apiKey: ApiKeyView; secret: string }>('/v1/api-keys', 'create the API key', body)
      const { id } = created.apiKey
      print(cli, options, created, () => fields({ id, name: created.apiKey.name, secret: created.secret }))
      if (!options.json) cli.output.warn('the secret is not shown again: keep it where your service reads it')
    })

  listVerb<ApiKeyView>(apiKeys, cli, {
    path: '/v1/api-keys',
    what: 'API keys',
    example: 'mintage api-keys list --limit 20',
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

  verb(apiKeys, 'show', 'show an API key', 'mintage api-keys show key_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f')
    .argument('<id>', 'id of the key')
    .action(async (id: string, options: { json?: boolean }) => {
      const apiKey = await cli.api().get<ApiKeyDetail>(`/v1/api-keys/${encodeURIComponent(id)}`, 'show the API key')
      print(cli, options, apiKey, () => `${apiKeyFields(apiKey)}\n\n${usageTable(apiKey.usage)}`)
    })

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
    status: apiKey.status,
    environment: apiKey.environment,
    organization: apiKey.organizationId,
    scopes: apiKey.scopes,
    audiences: apiKey.audiences,
    roles: apiKey.roles,
    subject: apiKey.subject,
    algorithm: apiKey.tokenAlgorithm,
    version: apiKey.version,
    hint: `…${apiKey.hint}`,
    created: apiKey.createdAt,
    expires: apiKey.expiresAt,
    revoked: apiKey.revokedAt,
    reason: apiKey.revocationReason,
  })
}
