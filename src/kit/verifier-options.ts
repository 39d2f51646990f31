import { mostTokenSeconds } from './issuer-metadata.ts'
import type { VerificationAlgorithm } from './key-sets/jwk.ts'
import type { KeySet } from './key-sets/key-set.ts'
import type { RefusalReports } from './option-warnings.ts'
import type { RevocationList } from './revocation/revocation-list.ts'
import type { ClaimsExpectation } from './token/claims.ts'

export type AccessTokenVerifierOptions = {
  readonly issuer: string
  /** Undefined accepts tokens for any audience. Only the service itself may do that. */
  readonly audience?: string | undefined
  /** Undefined accepts both. */
  readonly environment?: 'live' | 'test' | undefined
  readonly keys: KeySet
  readonly revocations: RevocationList
  /**
   * The accepted algorithms. Each key verifies only its own algorithm. Default: the five that the service signs with.
   */
  readonly algorithms?: readonly VerificationAlgorithm[] | undefined
  /** 0 to 300, default 30. A token expires at `exp` plus this; `iat` and `nbf` may be this far in the future. */
  readonly clockToleranceSeconds?: number | undefined
  /** Tokens with a longer lifetime are refused. Default: what the key set knows from the issuer, else 3600. */
  readonly maxTokenLifetimeSeconds?: number | undefined
  /** How many verified tokens are cached. Default 10000; 0 turns the cache off. */
  readonly cacheSize?: number | undefined
  readonly now?: (() => Date) | undefined
  /** Told of refusals that a wrong option may explain. */
  readonly reports?: RefusalReports | undefined
  /** Whether verifications of the same text may share one promise. Default: yes, except on Workers. */
  readonly sharesWork?: boolean | undefined
}

/** `maxTokenLifetimeSeconds` is undefined when the option is left out. */
export function checkedExpectation(
  options: AccessTokenVerifierOptions,
): Omit<ClaimsExpectation, 'maxTokenLifetimeSeconds'> & { readonly maxTokenLifetimeSeconds: number | undefined } {
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
    maxTokenLifetimeSeconds:
      options.maxTokenLifetimeSeconds === undefined
        ? undefined
        : checkedNumber('maxTokenLifetimeSeconds', options.maxTokenLifetimeSeconds, 1, mostTokenSeconds),
  }
}

export function checkedNumber(name: string, value: number, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value
  throw new TypeError(`${name} must be a number from ${least} to ${most}`)
}
