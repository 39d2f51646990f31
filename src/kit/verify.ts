import type { Fetch } from './document.ts'
import { checkIssuer } from './issuer-metadata.ts'
import type { VerificationAlgorithm } from './key-sets/jwk.ts'
import type { KeySet } from './key-sets/key-set.ts'
import { remoteKeySet } from './key-sets/remote-key-set.ts'
import type { VerifierIdentity } from './key-sets/verifier-identity.ts'
import { defaultWarn, optionWarnings } from './option-warnings.ts'
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
export { hasScopes } from './token/held-scopes.ts'
export type { AccessTokenVerifier } from './verifier.ts'

export type VerifierOptions = VerifierIdentity & {
  /** The service's issuer identifier, exactly as it appears in its tokens. */
  readonly issuer: string
  /** This application's identifier. Tokens for other audiences are refused. */
  readonly audience: string
  /** Default `live`. `test` accepts only tokens of test keys. */
  readonly environment?: 'live' | 'test' | undefined
  /**
   * Default: the issuer's signed feed, found in its metadata. The verifier closes only this default, not a list that
   * you pass.
   */
  readonly revocations?: RevocationList | undefined
  /** Default: the issuer's JWK Set, found in its metadata. */
  readonly keys?: KeySet | undefined
  /**
   * The accepted algorithms. Each key verifies only its own algorithm. Default: the five that the service signs with.
   */
  readonly algorithms?: readonly VerificationAlgorithm[] | undefined

  /** 0 to 300, default 30. A token expires at `exp` plus this; `iat` and `nbf` may be this far in the future. */
  readonly clockToleranceSeconds?: number | undefined
  /**
   * Tokens with a longer lifetime are refused. Default: `max_token_lifetime_seconds` in the issuer's metadata. With
   * `jwksUrl` or a local key set, which need no metadata: 3600.
   */
  readonly maxTokenLifetimeSeconds?: number | undefined
  /**
   * How many verified tokens are cached. The revocation list is still checked on every use. Default 10000; 0 turns the
   * cache off.
   */
  readonly cacheSize?: number | undefined

  /** URL of the JWK Set. Default: looked up in the issuer's metadata. */
  readonly jwksUrl?: string | undefined
  /** Default 300. A shorter `max-age` of the response wins. */
  readonly jwksMaximumAgeSeconds?: number | undefined
  /** How long an outdated JWK Set is still used while the issuer cannot be reached. Default 3600. */
  readonly jwksStaleSeconds?: number | undefined
  /** Minimum time between two fetches for unknown kids. Default 10. */
  readonly jwksCoolDownSeconds?: number | undefined
  /** For the default feed. Default 1000. */
  readonly feedRefreshMilliseconds?: number | undefined
  /** For the default feed: once the latest data is older than this, requests get 503. Default 10000. */
  readonly maximumStalenessMilliseconds?: number | undefined

  /** For the metadata, the JWK Set and the default feed. Default 5000. */
  readonly timeoutMilliseconds?: number | undefined
  readonly fetch?: Fetch | undefined
  readonly now?: (() => Date) | undefined
  /**
   * Told once of each mistake that a refused token shows: a wrong issuer, audience or environment, or an issuer that
   * cannot be reached. Default: `console.warn`, but nothing where NODE_ENV is `production` or `test`.
   */
  readonly warn?: ((message: string) => void) | undefined
}

export type Verifier = AccessTokenVerifier & {
  readonly issuer: string
  readonly audience: string
  readonly revocations: RevocationList
  /**
   * Resolves when keys and revocation list are loaded, so that the first request does not wait. Rejects if either
   * cannot be loaded.
   */
  ready(timeoutMilliseconds?: number): Promise<void>
  /** Stops the background work of the default revocation list. */
  close(): Promise<void>
}

/**
 * Creates a verifier for the access tokens of one issuer, for one audience, in one environment. Create it once per
 * process: it holds the key set, the revocation list and the cache of verified tokens. Creating it does no I/O. Keys
 * and list are fetched when the first token arrives.
 *
 * Does not check:
 * - scopes: use the `scope` option of `requireAccessToken`, or `hasScopes`;
 * - who sent the token: anyone who has it can use it (a bearer token, RFC 6750 §1.2);
 * - whether the subject may access the object that the request names: your application must decide that;
 * - whether the API key behind the token still works. By default, revoking a key also revokes its tokens. Otherwise the
 *   tokens work until they expire.
 *
 * Throws a TypeError for options that cannot work.
 *
 * @example
 * ```ts
 * import { createVerifier } from 'mintage/verify'
 *
 * const verifier = createVerifier({ issuer: 'https://auth.example', audience: 'https://api.example' })
 * await verifier.ready()
 *
 * export async function callerOf(accessToken: string): Promise<string> {
 *   const token = await verifier.verify(accessToken)
 *   return token.clientId
 * }
 * ```
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { issuer, audience, environment = 'live', algorithms, fetch, now, timeoutMilliseconds } = options
  checkIssuer(issuer)
  if (typeof audience !== 'string' || audience === '')
    throw new TypeError('audience is required: the identifier of this application')
  if (options.keys && (options.name !== undefined || options.apiKey !== undefined)) {
    throw new TypeError('name and apiKey are only sent when the JWK Set is fetched. Leave them out if you pass keys.')
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
  const { verify } = createAccessTokenVerifier({
    ...options,
    environment,
    keys,
    revocations,
    reports: optionWarnings({ issuer, audience, environment }, options.warn ?? defaultWarn),
  })

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
