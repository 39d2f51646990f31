import { isJsonObject, type JsonObject } from '../json-object.ts'
import { isKid } from '../token/token-header.ts'
import { isStrongRsaKey } from './rsa-strength.ts'

/**
 * The algorithms that the kit can verify: the five that the service signs with. EdDSA and Ed25519 are two
 * names of the same one. Never HMAC, never `none`.
 */
export type VerificationAlgorithm = 'ES256' | 'ES384' | 'EdDSA' | 'Ed25519' | 'RS256' | 'PS256'

/** A public key reduced to the members that define it (RFC 7518 §6). No other published member reaches the import. */
export type PublicJwk = { readonly kid: string; readonly alg: VerificationAlgorithm } & (
  | { readonly kty: 'EC'; readonly crv: string; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: string; readonly x: string }
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }
)

/**
 * Reads one member of a JWK Set. Returns undefined if the member must be ignored (RFC 7517 §5), because of: an
 * algorithm outside the allow-list, or a missing one (one key, one algorithm, RFC 8725 §3.1); another use; `kty`, `crv`
 * and `alg` that disagree; private or symmetric material; coordinates of a wrong length; a weak RSA key; or a key
 * marked as revoked, because a thief could date signatures before the revocation. Does not check that a point is on its
 * curve: the import does.
 */
export function readPublicJwk(jwk: unknown, algorithms: ReadonlySet<string>): PublicJwk | undefined {
  if (!isJsonObject(jwk)) return undefined
  const { kid, alg, kty, crv, x, y, n, e } = jwk
  if (typeof kid !== 'string' || !isKid(kid)) return undefined
  if (!isVerificationAlgorithm(alg) || !algorithms.has(alg)) return undefined
  if (
    !isForVerification(jwk) ||
    Object.hasOwn(jwk, 'revoked') ||
    secretMembers.some((name) => Object.hasOwn(jwk, name))
  )
    return undefined

  const family: Family = families[alg]
  if (kty !== family.kty) return undefined
  if (family.kty === 'RSA') {
    if (!isBase64url(n) || !isBase64url(e) || n.length > longestModulus || !isStrongRsaKey(n, e)) return undefined
    return { kid, alg, kty: 'RSA', n, e }
  }
  if (crv !== family.crv || !isBase64url(x) || x.length !== family.coordinateLength) return undefined
  if (family.kty === 'OKP') return { kid, alg, kty: 'OKP', crv: family.crv, x }
  if (!isBase64url(y) || y.length !== family.coordinateLength) return undefined
  return { kid, alg, kty: 'EC', crv: family.crv, x, y }
}

/**
 * Whether a token's `alg` matches the key: the same name, or the other name of Ed25519 (RFC 9864 §2.2). `readPublicJwk`
 * accepts these two names only for keys on that curve.
 */
export function isAlgorithmOfKey(algorithm: string, key: { readonly algorithm: string }): boolean {
  return algorithm === key.algorithm || (isEd25519(algorithm) && isEd25519(key.algorithm))
}

function isVerificationAlgorithm(name: unknown): name is VerificationAlgorithm {
  return typeof name === 'string' && Object.hasOwn(families, name)
}

type Family =
  | { readonly kty: 'RSA' }
  | { readonly kty: 'EC' | 'OKP'; readonly crv: string; readonly coordinateLength: number }

const families = {
  ES256: { kty: 'EC', crv: 'P-256', coordinateLength: 43 },
  ES384: { kty: 'EC', crv: 'P-384', coordinateLength: 64 },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', coordinateLength: 43 },
  Ed25519: { kty: 'OKP', crv: 'Ed25519', coordinateLength: 43 },
  RS256: { kty: 'RSA' },
  PS256: { kty: 'RSA' },
} as const satisfies Record<VerificationAlgorithm, Family>

/** With a published private key anyone can sign, and a symmetric key must never be published (RFC 7517 §9.2). */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const
/** 8192 bits, with room for a leading zero; `isStrongRsaKey` counts the bits. */
const longestModulus = 1400

function isForVerification({ use, key_ops }: JsonObject): boolean {
  if (use !== undefined && use !== 'sig') return false
  return key_ops === undefined || (Array.isArray(key_ops) && key_ops.includes('verify'))
}

function isBase64url(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]+$/.test(value)
}

function isEd25519(algorithm: string): boolean {
  return algorithm === 'EdDSA' || algorithm === 'Ed25519'
}

/** The algorithms that the service signs with. Each key has one of them. No HMAC, and never `none`. */
export const defaultAlgorithms: readonly VerificationAlgorithm[] = ['ES256', 'EdDSA', 'RS256', 'PS256', 'ES384']

/**
 * The allow-list. EdDSA and Ed25519 are allowed together: here both are the same algorithm on the same curve (RFC 9864
 * §2.2).
 */
export function checkedAlgorithms(
  algorithms: readonly VerificationAlgorithm[] = defaultAlgorithms,
): ReadonlySet<string> {
  if (algorithms.length === 0 || !algorithms.every(isVerificationAlgorithm)) {
    throw new TypeError('algorithms must name at least one of ES256, ES384, EdDSA, Ed25519, RS256, PS256')
  }
  const allowed = new Set<string>(algorithms)
  return allowed.has('EdDSA') || allowed.has('Ed25519') ? allowed.add('EdDSA').add('Ed25519') : allowed
}
