import { calculateJwkThumbprint, exportJWK, generateKeyPair as generateJoseKeyPair } from 'jose'
import type { Algorithm } from './signer.ts'

export type KeyPair = {
  /** RFC 7638 SHA-256 thumbprint of the public key, base64url. */
  readonly kid: string
  /** The required public members of RFC 7518 §6 or RFC 8037 §2, and nothing else. */
  readonly publicJwk: Record<string, string>
  readonly privateJwk: PrivateJwk
}

/** Public and private members of the key's type, and nothing else. */
export type PrivateJwk = Record<string, string> & { readonly d: string }

/** RSA keys get 2048 bits, the least that RFC 7518 §3.3 allows: a longer one makes each signature several times as dear. */
export async function generateKeyPair(algorithm: Algorithm): Promise<KeyPair> {
  const { privateKey } = await generateJoseKeyPair(algorithm, { extractable: true })
  return await keyPairOf({ ...(await exportJWK(privateKey)) })
}

/**
 * The pair that a private JWK stands for: all else that it may hold (`kid`, `use`, what nobody thought of) is dropped. Throws a TypeError
 * that holds no key material. Does not check that the key suits an algorithm, nor that its halves belong together: a signer does the one, a
 * signature by it the other.
 */
export async function keyPairOf(jwk: { readonly [member: string]: unknown }): Promise<KeyPair> {
  const publicJwk = publicMembers(jwk)
  const { d, ...others } = chosenMembers(jwk, membersOf(jwk).private)
  if (d === undefined) throw new TypeError('the key has no private part')
  return { kid: await thumbprint(publicJwk), publicJwk, privateJwk: { ...publicJwk, ...others, d } }
}

/** RFC 7638 §3, SHA-256: over the required members only, so `use`, `alg` or a `kid` in the JWK change nothing. */
export async function thumbprint(publicJwk: Readonly<Record<string, string>>): Promise<string> {
  return await calculateJwkThumbprint(publicMembers(publicJwk))
}

/**
 * The members that make the public key, chosen by name: a private member cannot slip through because nobody thought of it
 * (RFC 7517 §9.2). Throws for a key type that is not issued here, and when a member is missing.
 */
export function publicMembers(jwk: { readonly [member: string]: unknown }): Record<string, string> {
  return chosenMembers(jwk, membersOf(jwk).public)
}

/** RFC 7518 §6.2, §6.3; RFC 8037 §2. RSA keys of more than two primes (`oth`) are not taken. */
const membersByType = {
  EC: { public: ['kty', 'crv', 'x', 'y'], private: ['d'] },
  OKP: { public: ['kty', 'crv', 'x'], private: ['d'] },
  RSA: { public: ['kty', 'n', 'e'], private: ['d', 'p', 'q', 'dp', 'dq', 'qi'] },
} as const

function membersOf({ kty }: { readonly [member: string]: unknown }): {
  public: readonly string[]
  private: readonly string[]
} {
  if (kty === 'EC' || kty === 'OKP' || kty === 'RSA') return membersByType[kty]
  throw new TypeError('a signing key must be an EC, OKP or RSA key')
}

function chosenMembers(
  jwk: { readonly [member: string]: unknown },
  members: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    members.map((member) => {
      const value = jwk[member]
      if (typeof value !== 'string' || value === '') throw new TypeError(`the key has no ${member}`)
      return [member, value]
    }),
  )
}
