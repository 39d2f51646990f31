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

/** RSA keys have 2048 bits, the minimum of RFC 7518 §3.3, because signing with longer keys is several times slower. */
export async function generateKeyPair(algorithm: Algorithm): Promise<KeyPair> {
  const { privateKey } = await generateJoseKeyPair(algorithm, { extractable: true })
  return await keyPairOf({ ...(await exportJWK(privateKey)) })
}

/**
 * The key pair of a private JWK. Drops every other member (`kid`, `use`, unknown ones). Throws a TypeError that
 * contains no key material. Does not check that the key fits an algorithm (the signer does), nor that its public and
 * private parts match (verifying a signature does).
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
 * The members of the public key, chosen by name, so that no private member is included (RFC 7517 §9.2). Throws for an
 * unsupported key type, and if a member is missing.
 */
export function publicMembers(jwk: { readonly [member: string]: unknown }): Record<string, string> {
  return chosenMembers(jwk, membersOf(jwk).public)
}

/** RFC 7518 §6.2, §6.3; RFC 8037 §2. RSA keys with more than two primes (`oth`) are not supported. */
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
