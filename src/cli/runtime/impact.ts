import type { Impact } from '../../usage/impact.ts'
import { fields, shortTime, table } from './output.ts'

/** Who would notice a change that ends keys, as a dry run answers it. */
export function impactText(impact: Impact): string {
  const summary = fields({
    'keys in use': impact.apiKeysUsed,
    'with live tokens': impact.apiKeysWithLiveTokens,
    'tokens until': impact.tokensLiveUntil && shortTime(impact.tokensLiveUntil),
    exchanges: impact.exchanges,
    authentications: impact.authentications,
    'last used': impact.lastUsedAt && shortTime(impact.lastUsedAt),
  })
  if (impact.lastUses.length === 0) return summary
  const uses = table(impact.lastUses, [
    { title: 'key', value: ({ apiKeyId }) => apiKeyId },
    { title: 'version', value: ({ version }) => version },
    { title: 'last used', value: ({ lastUsedAt }) => shortTime(lastUsedAt) },
    { title: 'from', value: ({ addresses }) => addresses.join(' ') },
    { title: 'by', value: ({ agents }) => agents.join(' · ').slice(0, 60) },
  ])
  return `${summary}\n\n${uses}`
}
