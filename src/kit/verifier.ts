import { AccessTokenError, type AccessTokenErrorReason } from './access-token-error.ts'
import { createBoundedCache } from './cache.ts'
import { sha256 } from './digest.ts'
import { readJsonObject } from './json-object.ts'
import { checkedAlgorithms, isAlgorithmOfKey } from './key-sets/jwk.ts'
import type { VerificationKey } from './key-sets/key-set.ts'
import { isMismatch, type RefusalReports } from './option-warnings.ts'
import type { RevocableToken } from './revocation/revocation-list.ts'
import { runsOnWorkers } from './runtime.ts'
import type { AccessToken } from './token/access-token.ts'
import { readClaims } from './token/claims.ts'
import { readTokenHeader } from './token/token-header.ts'
import { longestTokenText, readTokenText, type TokenText } from './token/token-text.ts'
import { type AccessTokenVerifierOptions, checkedExpectation, checkedNumber } from './verifier-options.ts'

export type AccessTokenVerifier = {
  /**
   * Verifies a token now, in this order: text, header, signature, claims, revocation list. Until the signature is
   * verified, only the kid is used. For a cached token, only its expiry, the presence of its key and the revocation
   * list are checked again.
   *
   * Returns the token without a promise when keys and list are loaded. Throws, or rejects with, `AccessTokenError`:
   * `invalid_token`, or `unavailable` if the key set or the revocation list cannot answer. Does not check scopes.
   */
  verify(text: string): AccessToken | Promise<AccessToken>
}

/** The cache entry for a token whose signature and claims were verified. Whether it is revoked is never cached. */
type VerifiedToken = {
  readonly token: AccessToken
  readonly revocable: RevocableToken
  readonly names: readonly string[]
}

/** The default of MINTAGE_MAX_TOKEN_TTL, for key sets that know nothing of the issuer. */
const defaultTokenSeconds = 3600

/** Performs no I/O. Throws a TypeError for options that cannot work. */
export function createAccessTokenVerifier(options: AccessTokenVerifierOptions): AccessTokenVerifier {
  const { keys, revocations, reports, now = () => new Date(), sharesWork = !runsOnWorkers() } = options
  const expected = checkedExpectation(options)
  const algorithms = checkedAlgorithms(options.algorithms)
  const cache = createBoundedCache<VerifiedToken>(
    checkedNumber('cacheSize', options.cacheSize ?? 10_000, 0, 10_000_000),
  )
  const pending = new Map<string, Promise<VerifiedToken>>()

  function verify(text: string): AccessToken | Promise<AccessToken> {
    if (typeof text !== 'string') throw invalid('malformed')
    // Checked before hashing, so that a flood of long texts is cheap to refuse.
    if (text.length > longestTokenText) throw invalid('too_long')
    return then(sha256(text), (digest) => verifyHashed(text, digest))
  }

  function verifyHashed(text: string, digest: string): AccessToken | Promise<AccessToken> {
    const known = cache.get(digest)
    if (known) {
      const { expiresAt, keyId } = known.token
      if (now().getTime() / 1000 >= expiresAt + expected.clockToleranceSeconds) throw invalid('expired')
      if (keys.holds(keyId)) return refuseRevoked(known)
      // Its key was withdrawn, or the key set is too old: verify it from the start.
      cache.delete(digest)
    }
    return then(pending.get(digest) ?? verifyNew(text, digest), refuseRevoked)
  }

  /** Checks everything but revocation. */
  function verifyNew(text: string, digest: string): VerifiedToken | Promise<VerifiedToken> {
    const verified = then(verifySignature(text), ({ parts, key }) => {
      return then(acceptedClaims(parts, key), (token) => {
        const revocable = revocableToken(token)
        const named = dependency('revocations_unavailable', () => revocations.namesOf(revocable), reports)
        return then(named, (names) => ({ token, revocable, names }))
      })
    })
    if (!isPromise(verified)) {
      cache.set(digest, verified)
      return verified
    }
    const cached = verified.then((token) => {
      cache.set(digest, token)
      return token
    })
    if (!sharesWork) return cached
    const shared = cached.finally(() => pending.delete(digest))
    pending.set(digest, shared)
    return shared
  }

  function verifySignature(
    text: string,
  ): { parts: TokenText; key: VerificationKey } | Promise<{ parts: TokenText; key: VerificationKey }> {
    const parts = readTokenText(text)
    if (typeof parts === 'string') throw invalid(parts)
    const header = readTokenHeader(parts.header, algorithms)
    if (typeof header === 'string') throw invalid(header)
    const found = dependency('keys_unavailable', () => keys.find(header.kid), reports)
    return then(found, (key) => {
      if (!key) throw invalid('unknown_key')
      // RFC 8725 §3.1: the key determines the algorithm; the header must agree.
      if (!isAlgorithmOfKey(header.algorithm, key)) throw invalid('algorithm')
      const checked = dependency('keys_unavailable', () => key.check(parts), reports)
      return then(checked, (isSigned) => {
        if (isSigned !== true) throw invalid('signature')
        return { parts, key }
      })
    })
  }

  /** Without a configured lifetime, the issuer is asked again before a token is refused for its lifetime. */
  function acceptedClaims(parts: TokenText, key: VerificationKey): AccessToken | Promise<AccessToken> {
    const claims = readJsonObject(parts.payload)
    if (typeof claims === 'string') throw invalid(claims)
    const read = () =>
      readClaims(claims, key.kid, { ...expected, maxTokenLifetimeSeconds: longestLifetime() }, now().getTime() / 1000)
    const accept = (token: AccessToken | AccessTokenErrorReason) => {
      if (typeof token !== 'string') return token
      if (isMismatch(token)) reports?.mismatch(token, claims)
      throw invalid(token)
    }
    const token = read()
    if (token !== 'lifetime_too_long' || expected.maxTokenLifetimeSeconds !== undefined) return accept(token)
    const refreshed = dependency('keys_unavailable', () => keys.refreshLongestTokenSeconds?.(), reports)
    return then(refreshed, () => accept(read()))
  }

  function longestLifetime(): number {
    return expected.maxTokenLifetimeSeconds ?? keys.longestTokenSeconds?.() ?? defaultTokenSeconds
  }

  function refuseRevoked({ token, revocable, names }: VerifiedToken): AccessToken | Promise<AccessToken> {
    const verdict = dependency('revocations_unavailable', () => revocations.isRevoked(revocable, names), reports)
    return then(verdict, (isRevoked) => {
      if (isRevoked === false) return token
      if (isRevoked === true) throw new AccessTokenError('invalid_token', 'revoked', { token })
      // A list that is not type-checked may return anything: only true and false count as answers.
      throw unavailable('revocations_unavailable', undefined)
    })
  }

  return { verify }
}

export function revocableToken(token: AccessToken): RevocableToken {
  return {
    jti: token.id,
    clientId: token.clientId,
    keyVersion: token.keyVersion,
    organizationId: token.organizationId,
    subject: token.subject,
    kid: token.keyId,
    issuedAt: token.issuedAt,
  }
}

/**
 * If a dependency fails, the token may still be valid. So this throws `unavailable`, with the dependency's
 * `retryAfterSeconds` if it has one.
 */
function dependency<Value>(
  reason: UnavailableReason,
  ask: () => Value | Promise<Value>,
  reports: RefusalReports | undefined,
): Value | Promise<Value> {
  let answer: Value | Promise<Value>
  try {
    answer = ask()
  } catch (cause) {
    reports?.unavailable(cause)
    throw unavailable(reason, cause)
  }
  if (!isPromise(answer)) return answer
  return answer.catch((cause: unknown) => {
    reports?.unavailable(cause)
    throw unavailable(reason, cause)
  })
}

type UnavailableReason = Extract<AccessTokenErrorReason, 'keys_unavailable' | 'revocations_unavailable'>

function unavailable(reason: UnavailableReason, cause: unknown): AccessTokenError {
  if (cause instanceof AccessTokenError) return cause
  const wait =
    typeof cause === 'object' && cause !== null && 'retryAfterSeconds' in cause ? cause.retryAfterSeconds : undefined
  const retryAfterSeconds = typeof wait === 'number' && wait > 0 ? Math.ceil(wait) : 1
  return new AccessTokenError('unavailable', reason, { retryAfterSeconds, cause })
}

function invalid(reason: AccessTokenErrorReason): AccessTokenError {
  return new AccessTokenError('invalid_token', reason)
}

/** Continues synchronously if the value is not a promise, so that verifying a cached token does not allocate one. */
function then<Value, Result>(
  value: Value | Promise<Value>,
  next: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return isPromise(value) ? value.then(next) : next(value)
}

function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return typeof value === 'object' && value !== null && 'then' in value
}
