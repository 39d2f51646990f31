import { exportJWK, importPKCS8 } from 'jose'
import { invalidRequest } from '../errors.ts'
import { readBase64url } from '../kit/base64url.ts'
import type { Platform } from '../platform.ts'
import { type KeyPair, keyPairOf } from './key-pair.ts'
import { signsForItsPublicKey } from './sealing.ts'
import type { Algorithm } from './signer.ts'

/** A private key from elsewhere: PKCS #8 in PEM (RFC 7468 §10), or a private JWK (RFC 7517, 7518, 8037). */
export type ForeignKey = { readonly pem: string } | { readonly jwk: Readonly<Record<string, unknown>> }

type ReadKey = { readonly algorithm: Algorithm; readonly pair: KeyPair }

/**
 * Reads a key pair and proves it with a signature. Without `algorithm`, the key decides. An RSA key then signs by
 * RS256, unless its JWK says PS256. Throws `invalid_request`, whose text contains no key material.
 *
 * Does not check that the key was generated well: that is the responsibility of the person who imports it.
 */
export async function readForeignKey(
  key: ForeignKey,
  algorithm: Algorithm | undefined,
  platform: Pick<Platform, 'createSigner'>,
): Promise<ReadKey> {
  const jwk = 'pem' in key ? await jwkOfPem(key.pem) : key.jwk
  const found = algorithmOf(jwk, algorithm)
  const pair = await keyPairOf(jwk).catch(() => {
    throw invalidRequest('The key is incomplete. Send a private EC, OKP or RSA key with all of its members.')
  })
  if (found === 'RS256' || found === 'PS256') requireStrength(pair.publicJwk)
  if (!(await isWhole(found, pair, platform)))
    throw invalidRequest(`The key cannot sign by ${found}, or its public part does not match its private part.`)
  return { algorithm: found, pair }
}

async function jwkOfPem(pem: string): Promise<Readonly<Record<string, unknown>>> {
  const label = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(pem)?.[1]
  if (label !== 'PRIVATE KEY') {
    throw invalidRequest(
      'The PEM must contain an unencrypted PKCS #8 PRIVATE KEY. Convert other forms with: openssl pkcs8 -topk8 -nocrypt',
    )
  }
  // The PEM does not say which kind of key it contains, but importing it requires the right algorithm, so try each one.
  for (const algorithm of ['ES256', 'ES384', 'EdDSA', 'RS256']) {
    try {
      return { ...(await exportJWK(await importPKCS8(pem, algorithm, { extractable: true }))) }
    } catch {}
  }
  throw invalidRequest('The PEM does not contain a P-256, P-384, Ed25519 or RSA key.')
}

const algorithmsOf: Readonly<Record<string, readonly Algorithm[]>> = {
  'EC P-256': ['ES256'],
  'EC P-384': ['ES384'],
  'OKP Ed25519': ['EdDSA'],
  RSA: ['RS256', 'PS256'],
}

function algorithmOf(jwk: Readonly<Record<string, unknown>>, wanted: Algorithm | undefined): Algorithm {
  const { kty, crv, alg, use } = jwk
  const possible = algorithmsOf[kty === 'RSA' ? 'RSA' : `${kty} ${crv}`] ?? []
  const named = alg === 'Ed25519' ? 'EdDSA' : alg
  const found = possible.find((algorithm) => algorithm === (wanted ?? named ?? possible[0]))
  if (!found || (named !== undefined && named !== found)) {
    throw invalidRequest('The key does not fit the requested algorithm, or no supported algorithm fits it.')
  }
  if (use !== undefined && use !== 'sig')
    throw invalidRequest('The key is not for signatures: its use must be sig or left out.')
  return found
}

/**
 * RFC 7518 §3.3 requires 2048 bits. Verifiers refuse more than 8192. With an exponent of 1 anyone could forge
 * signatures.
 */
function requireStrength({ n = '', e = '' }: Record<string, string>): void {
  const modulus = readBase64url(n)
  const exponent = readBase64url(e)
  const bits = modulus ? modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24 : 0
  const isOdd = ((exponent?.at(-1) ?? 0) & 1) === 1
  if (bits < 2048 || bits > 8192) throw invalidRequest('An RSA key must have 2048 to 8192 bits.')
  if (!exponent || !isOdd || exponent.length > 8 || (exponent.length === 1 && exponent[0] === 1)) {
    throw invalidRequest('The exponent of the RSA key must be odd, at least 3 and at most 8 bytes long.')
  }
}

/** Whether the public key verifies a signature of the private key. */
async function isWhole(
  algorithm: Algorithm,
  pair: KeyPair,
  platform: Pick<Platform, 'createSigner'>,
): Promise<boolean> {
  try {
    return await signsForItsPublicKey(
      { kid: pair.kid, algorithm, sign: await platform.createSigner(algorithm, pair.privateJwk) },
      pair,
    )
  } catch {
    return false
  }
}
