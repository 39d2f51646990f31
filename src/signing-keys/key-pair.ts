import { calculateJwkThumbprint, exportJWK, generateKeyPair as generateJoseKeyPair } from 'jose'
import type { Algorithm } from './signer.ts'

export type KeyPair = {
  /** RFC 7638 SHA-256 thumbprint of the public key, base64url. */
  readonly kid: string
  /** The required public members of RFC 7518 §6 and nothing else. */
  readonly publicJwk: Record<string, string>
  readonly privateJwk: JsonWebKey
}

export async function generateKeyPair(algorithm: Algorithm): Promise<KeyPair> {
  const pair = await generateJoseKeyPair(algorithm, { extractable: true })
  const publicJwk = publicMembers(await exportJWK(pair.publicKey))
  const { d } = await exportJWK(pair.privateKey)
  if (d === undefined) throw new TypeError('the new key has no private part')
  return { kid: await thumbprint(publicJwk), publicJwk, privateJwk: { ...publicJwk, d } }
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
  if (jwk.kty !== 'EC') throw new TypeError('a signing key must be an EC key')
  return Object.fromEntries(
    ['kty', 'crv', 'x', 'y'].map((member) => {
      const value = jwk[member]
      if (typeof value !== 'string' || value === '') throw new TypeError(`the public key has no ${member}`)
      return [member, value]
    }),
  )
}
