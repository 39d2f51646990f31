import { longestTokenText } from '../kit/token/token-text.ts'
import type { AudienceRules } from './audience.ts'
import { type AccessTokenFacts, accessTokenClaims } from './claims.ts'

/** The settings of a key that its tokens contain. */
type TokenSettings = Pick<AccessTokenFacts, 'subject' | 'scopes' | 'roles' | 'customClaims'> & {
  readonly audiences: readonly string[]
  /** Null = the service's default, which has short signatures. */
  readonly tokenAlgorithm: string | null
}

/**
 * Describes what is wrong if the kit's verifiers would refuse the key's longest token; undefined = nothing. The longest
 * token has either all scopes and all audiences, or all scopes and roles for the admin API. A request that narrows a
 * wildcard into many scopes can make a longer one, so `/token` checks again.
 */
export function faultInTokenSize(settings: TokenSettings, rules: AudienceRules): string | undefined {
  const length = longestToken(settings, rules)
  if (length <= longestTokenText) return undefined
  return `Tokens of this key would have up to ${length} characters, and verifiers accept ${longestTokenText}. Use fewer or shorter scopes, audiences and customClaims.`
}

function longestToken(settings: TokenSettings, { issuer, defaultAudience }: AudienceRules): number {
  const { audiences, roles, tokenAlgorithm, ...facts } = settings
  const length = (aud: readonly string[], held: readonly string[]) =>
    tokenLength({ ...sample, ...facts, issuer, audiences: aud, roles: held }, tokenAlgorithm ?? 'ES256')
  const others = [defaultAudience, ...audiences].filter((audience) => audience !== issuer)
  return Math.max(length([...new Set(others)], []), length([issuer], roles))
}

/** Ids, times and versions at their maximum length. */
const sample = {
  tokenId: 'x'.repeat(22),
  clientId: 'x'.repeat(36),
  keyVersion: 2_147_483_647,
  organizationId: 'x'.repeat(36),
  environment: 'live',
  issuedAt: 9_999_999_999,
  expiresAt: 9_999_999_999,
} as const

function tokenLength(facts: AccessTokenFacts, alg: string): number {
  const header = { alg, kid: 'x'.repeat(43), typ: 'at+jwt' }
  return encodedLength(header) + encodedLength(accessTokenClaims(facts)) + signatureLength(alg) + 2
}

/** The length of the object's JSON as base64url text. */
function encodedLength(value: object): number {
  return Math.ceil((new TextEncoder().encode(JSON.stringify(value)).length * 4) / 3)
}

/** An RSA signature is as long as the modulus, and a key of up to 8192 bits may be imported. */
function signatureLength(alg: string): number {
  if (/^[RP]S/.test(alg)) return 1366
  return alg === 'ES384' ? 128 : 86
}
