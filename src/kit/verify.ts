import type { Fetch } from './document.ts'
import { checkIssuer } from './issuer-metadata.ts'
import type { VerificationAlgorithm } from './key-sets/jwk.ts'
import type { KeySet } from './key-sets/key-set.ts'
import { remoteKeySet } from './key-sets/remote-key-set.ts'
import type { VerifierIdentity } from './key-sets/verifier-identity.ts'
import { feedRevocationList } from './revocation/index.ts'
import type { RevocationList } from './revocation/revocation-list.ts'
import { type AccessTokenVerifier, createAccessTokenVerifier } from './verifier.ts'

export { AccessTokenError, type AccessTokenErrorCode, type AccessTokenErrorReason } from './access-token-error.ts'
export type { Fetch } from './document.ts'
export type { VerificationAlgorithm } from './key-sets/jwk.ts'
export type { KeySet, VerificationKey } from './key-sets/key-set.ts'
export { localKeySet } from './key-sets/local-key-set.ts'
export { type RemoteKeySetOptions, remoteKeySet } from './key-sets/remote-key-set.ts'
export { type ProtectedResource, protectedResource } from './protected-resource.ts'
export type { RevocableToken, RevocationList, RevocationListState } from './revocation/revocation-list.ts'
export type { AccessToken } from './token/access-token.ts'
/** Whether a token's `scopes` hold what a handler needs, wildcards included, where the middleware's `scope` does not do. */
export { hasScopes } from './token/held-scopes.ts'
export type { AccessTokenVerifier } from './verifier.ts'

export type VerifierOptions = VerifierIdentity & {
  /** The service's issuer identifier, exactly as its tokens say it. */
  readonly issuer: string
  /** This application's own identifier: tokens for others are refused. */
  readonly audience: string
  /** Default `live`; `test` takes tokens of test keys and no others. */
  readonly environment?: 'live' | 'test' | undefined
  /** Default: the issuer's signed feed, found in its metadata. It is closed together with the verifier only when it is this default. */
  readonly revocations?: RevocationList | undefined
  /** Default: the issuer's JWK Set, found in its metadata. */
  readonly keys?: KeySet | undefined
  /** Narrows what is taken; each key has one algorithm, and tokens by it no other. Default: the five that the service signs with. */
  readonly algorithms?: readonly VerificationAlgorithm[] | undefined

  /** 0 to 300, default 30. A token is dead from `exp` + this on; `iat` and `nbf` may be this much ahead. */
  readonly clockToleranceSeconds?: number | undefined
  /** Tokens that claim to live longer are refused. Default 3600, the service's default for MINTAGE_MAX_TOKEN_TTL. */
  readonly maxTokenLifetimeSeconds?: number | undefined
  /** Verified tokens that are remembered; each use still asks the revocation list. Default 10000; 0 = none. */
  readonly cacheSize?: number | undefined

  /** Where the JWK Set is, when it is not to be looked up in the metadata. */
  readonly jwksUrl?: string | undefined
  /** Default 300; a shorter `max-age` of the answer counts. */
  readonly jwksMaximumAgeSeconds?: number | undefined
  /** How long the JWK Set serves beyond its age while the issuer is away. Default 3600. */
  readonly jwksStaleSeconds?: number | undefined
  /** Between two fetches for unknown kids. Default 10. */
  readonly jwksCoolDownSeconds?: number | undefined
  /** Of the default feed: default 1000. */
  readonly feedRefreshMilliseconds?: number | undefined
  /** Of the default feed: no news for longer than this is 503. Default 10000. */
  readonly maximumStalenessMilliseconds?: number | undefined

  /** For the metadata, the JWK Set and the default feed. Default 5000. */
  readonly timeoutMilliseconds?: number | undefined
  readonly fetch?: Fetch | undefined
  readonly now?: (() => Date) | undefined
}

export type Verifier = AccessTokenVerifier & {
  readonly issuer: string
  readonly audience: string
  readonly revocations: RevocationList
  /** Resolves when keys and revocation list are there, so that the first request waits for nothing. Rejects when one of them is not. */
  ready(timeoutMilliseconds?: number): Promise<void>
  /** Ends what the default revocation list does in the background. */
  close(): Promise<void>
}

/**
 * Verifies access tokens of one issuer for one audience in one environment. Performs no I/O by itself; keys and list are fetched when the
 * first token comes. Make one for the life of the process: it holds the key set, the list and the verified tokens.
 *
 * Throws a TypeError for options that cannot work.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { issuer, audience, environment = 'live', algorithms, fetch, now, timeoutMilliseconds } = options
  checkIssuer(issuer)
  if (typeof audience !== 'string' || audience === '')
    throw new TypeError('audience is required: the identifier of this application')
  if (options.keys && (options.name !== undefined || options.apiKey !== undefined)) {
    throw new TypeError('name and apiKey go along with the JWK Set that is fetched: there is none when keys are given')
  }
  const keys =
    options.keys ??
    remoteKeySet({
      issuer,
      algorithms,
      fetch,
      now,
      timeoutMilliseconds,
      name: options.name,
      apiKey: options.apiKey,
      jwksUrl: options.jwksUrl,
      maximumAgeSeconds: options.jwksMaximumAgeSeconds,
      staleSeconds: options.jwksStaleSeconds,
      coolDownSeconds: options.jwksCoolDownSeconds,
    })
  const revocations = options.revocations ?? defaultList(options)
  const { verify } = createAccessTokenVerifier({ ...options, environment, keys, revocations })

  return {
    issuer,
    audience,
    revocations,
    verify,
    async ready(readyMilliseconds) {
      await Promise.all([keys.ready?.(), revocations.ready(readyMilliseconds)])
    },
    async close() {
      if (!options.revocations) await revocations.close()
    },
  }
}

function defaultList(options: VerifierOptions): RevocationList {
  const { issuer, fetch, now, feedRefreshMilliseconds, maximumStalenessMilliseconds } = options
  return feedRevocationList({
    issuer,
    ...(fetch && { fetch }),
    ...(now && { now }),
    ...(feedRefreshMilliseconds !== undefined && { refreshMilliseconds: feedRefreshMilliseconds }),
    ...(maximumStalenessMilliseconds !== undefined && { maximumStalenessMilliseconds }),
  })
}
