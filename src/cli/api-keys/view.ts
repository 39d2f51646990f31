import type { ApiKeyVersionUsage, ApiKeyView } from '../../api-keys/view.ts'
import { formatDuration } from '../../config/duration.ts'
import { fields, shortTime, table, timeAndActor } from '../runtime/output.ts'

export function apiKeyFields(apiKey: ApiKeyView): string {
  return fields({
    id: apiKey.id,
    name: apiKey.name,
    ...ifPresent('description', apiKey.description),
    ...ifPresent('labels', apiKey.labels.join(' ')),
    status: apiKey.status,
    environment: apiKey.environment,
    organization: apiKey.organizationId,
    ...ifPresent('account', apiKey.serviceAccountId),
    scopes: apiKey.scopes,
    audiences: apiKey.audiences,
    roles: apiKey.roles,
    subject: apiKey.subject,
    algorithm: apiKey.tokenAlgorithm,
    ...ifPresent('claims', apiKey.customClaims && JSON.stringify(apiKey.customClaims)),
    ...ifPresent('only from', apiKey.allowedCidrs.join(' ')),
    ...ifPresent('not from', apiKey.deniedCidrs.join(' ')),
    ...ifPresent('own limit', apiKey.requestsPerMinute && `${apiKey.requestsPerMinute} a minute`),
    ...ifPresent(
      'rotate',
      apiKey.rotateEverySeconds &&
        `every ${formatDuration(apiKey.rotateEverySeconds)}, due ${apiKey.rotationDueAt ?? '-'}`,
    ),
    version: apiKey.version,
    hint: `…${apiKey.hint}`,
    created: apiKey.createdAt,
    expires: apiKey.expiresAt,
    ...ifPresent('disabled', apiKey.disabledAt && timeAndActor(apiKey.disabledAt, apiKey.disabledBy)),
    revoked: apiKey.revokedAt && timeAndActor(apiKey.revokedAt, apiKey.revokedBy),
    reason: apiKey.revocationReason,
    revision: apiKey.revision,
    'last used': apiKey.lastUsedAt,
    ...ifPresent('refused', apiKey.refusedAttempts && refusedText(apiKey.refusedAttempts)),
  })
}

/** What a change of settings means for the tokens that the key had before. */
export function tokenWarnings({
  widerTokensUntil,
  tokensUsableFrom = null,
}: {
  readonly widerTokensUntil: string | null
  readonly tokensUsableFrom?: string | null
}): string[] {
  const warnings: string[] = []
  if (widerTokensUntil !== null)
    warnings.push(
      `earlier tokens keep what you took away until ${shortTime(widerTokensUntil)}: to end them, update the key with --end-tokens`,
    )
  if (tokensUsableFrom !== null)
    warnings.push(`earlier tokens are refused; new ones are issued from ${shortTime(tokensUsableFrom)} on`)
  return warnings
}

export function usageTable(usage: readonly ApiKeyVersionUsage[]): string {
  if (usage.length === 0) return 'not used so far'
  return table(usage, [
    { title: 'version', value: ({ version }) => version },
    { title: 'exchanges', value: ({ exchanges }) => exchanges },
    { title: 'authentications', value: ({ authentications }) => authentications },
    { title: 'last used', value: ({ lastUsedAt }) => shortTime(lastUsedAt) },
    { title: 'tokens until', value: ({ lastExpiresAt }) => lastExpiresAt && shortTime(lastExpiresAt) },
    { title: 'from', value: ({ addresses }) => addresses.join(' ') },
    { title: 'by', value: ({ agents }) => agents.join(' · ').slice(0, 60) },
  ])
}

/** Somebody still uses a key that does not work. */
function refusedText({ attempts, lastAt, reason, address }: NonNullable<ApiKeyView['refusedAttempts']>): string {
  return `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}, last ${lastAt} from ${address ?? '-'} (${reason})`
}

/** Settings that most keys do not have are shown only where they are set. */
function ifPresent(name: string, value: string | number | null): Record<string, string | number> {
  return value === null || value === '' || value === 0 ? {} : { [name]: value }
}
