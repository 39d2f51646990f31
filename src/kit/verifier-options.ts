import type { VerificationAlgorithm } from './key-sets/jwk.ts'
import type { KeySet } from './key-sets/key-set.ts'
import type { RevocationList } from './revocation/revocation-list.ts'
import type { ClaimsExpectation } from './token/claims.ts'

export type AccessTokenVerifierOptions = {
  readonly issuer: string
  /** Undefined = tokens for any audience: only for the service itself. */
  readonly audience?: string | undefined
  /** Undefined = both. */
  readonly environment?: 'live' | 'test' | undefined
  readonly keys: KeySet
  readonly revocations: RevocationList
  /** The allow-list beside which each key says its own. Default: the five that the service signs with. */
  readonly algorithms?: readonly VerificationAlgorithm[] | undefined
  /** 0 to 300, default 30. A token is dead from `exp` + this on; `iat` and `nbf` may be this much ahead. */
  readonly clockToleranceSeconds?: number | undefined
  /** Tokens that claim to live longer are refused. Default 3600, the service's own default cap. */
  readonly maxTokenLifetimeSeconds?: number | undefined
  /** Verified tokens that are remembered. Default 10000; 0 = none. */
  readonly cacheSize?: number | undefined
  readonly now?: (() => Date) | undefined
  /** Whether verifications of the same text may wait for one another. Default: yes, except on Workers. */
  readonly sharesWork?: boolean | undefined
}

export function checkedExpectation(options: AccessTokenVerifierOptions): ClaimsExpectation {
  const { issuer, audience, environment } = options
  if (typeof issuer !== 'string' || issuer === '') throw new TypeError('issuer must be a non-empty string')
  if (audience !== undefined && (typeof audience !== 'string' || audience === ''))
    throw new TypeError('audience must be a non-empty string')
  if (environment !== undefined && environment !== 'live' && environment !== 'test') {
    throw new TypeError("environment must be 'live' or 'test'")
  }
  return {
    issuer,
    audience,
    environment,
    clockToleranceSeconds: checkedNumber('clockToleranceSeconds', options.clockToleranceSeconds ?? 30, 0, 300),
    maxTokenLifetimeSeconds: checkedNumber(
      'maxTokenLifetimeSeconds',
      options.maxTokenLifetimeSeconds ?? 3600,
      1,
      31_536_000,
    ),
  }
}

export function checkedNumber(name: string, value: number, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value
  throw new TypeError(`${name} must be a number from ${least} to ${most}`)
}
