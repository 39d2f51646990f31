import type { RevokedApiKeys } from '../../api-keys/revoke-many.ts'
import { printableText } from '../../observability/printable-text.ts'
import { impactText } from '../runtime/impact.ts'
import { shortTime } from '../runtime/output.ts'

/** What a revocation of many keys did, or would do. */
export function revokedKeysText({ dryRun, apiKeys, apiKeyIds, effectiveAt, spared, impact }: RevokedApiKeys): string {
  const keys = apiKeys === 1 ? '1 API key' : `${apiKeys} API keys`
  return [
    dryRun ? `would revoke ${keys}` : `revoked ${keys}, from ${shortTime(effectiveAt)} on`,
    ...apiKeyIds.map((id) => `  ${printableText(id)}`),
    ...(apiKeys > apiKeyIds.length ? [`… and ${apiKeys - apiKeyIds.length} more`] : []),
    ...(spared === null ? [] : [`not your own key, ${printableText(spared)}`]),
    ...(impact === null ? [] : ['', impactText(impact)]),
  ].join('\n')
}
