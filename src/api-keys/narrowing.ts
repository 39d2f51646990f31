import { hasScopes } from '../kit/token/held-scopes.ts'
import type { ApiKeyDraft } from './settings.ts'

/** The settings that tokens of a key contain. */
type TokenContent = Pick<ApiKeyDraft, 'scopes' | 'audiences' | 'roles' | 'subject' | 'customClaims'>

/**
 * Whether tokens from before the change hold something that the key no longer gives: a scope, an audience, a role,
 * another subject or other claims.
 */
export function isNarrowed(previous: TokenContent, draft: TokenContent): boolean {
  const lacks = (kept: readonly string[], had: readonly string[]) => had.some((each) => !kept.includes(each))
  return (
    !hasScopes(draft.scopes, previous.scopes, 'all') ||
    lacks(draft.audiences, previous.audiences) ||
    lacks(draft.roles, previous.roles) ||
    previous.subject !== draft.subject ||
    JSON.stringify(previous.customClaims) !== JSON.stringify(draft.customClaims)
  )
}

/**
 * Until when tokens may live that hold more than the changed key gives; null = the change took nothing away. An upper
 * bound: no token lives longer than `longestTokenSeconds`, the key, or `endsAt`.
 */
export function widerTokensUntil(
  previous: TokenContent & Pick<ApiKeyDraft, 'expiresAt'>,
  draft: TokenContent & Pick<ApiKeyDraft, 'expiresAt'>,
  { now, longestTokenSeconds, endsAt = null }: { now: Date; longestTokenSeconds: number; endsAt?: Date | null },
): string | null {
  if (!isNarrowed(previous, draft)) return null
  const longest = now.getTime() + longestTokenSeconds * 1000
  const ends = [previous.expiresAt, draft.expiresAt, endsAt].map((end) => end?.getTime() ?? Number.POSITIVE_INFINITY)
  return new Date(Math.min(longest, ...ends)).toISOString()
}
