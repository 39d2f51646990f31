import { compactVerify, exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { readPublicJwk, type VerificationAlgorithm } from '../../../src/kit/key-sets/jwk.ts'
import { knownAnswers } from '../../../src/kit/signatures/known-answers.ts'
import { derOfEs256, nodeSignatureCheck } from '../../../src/kit/signatures/signature.node.ts'
import { createSignatureCheck } from '../../../src/kit/signatures/signature.ts'
import { readTokenText, type TokenText } from '../../../src/kit/token/token-text.ts'

const algorithms: readonly VerificationAlgorithm[] = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'RS256', 'PS256']

async function signer(algorithm: VerificationAlgorithm) {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const jwk = readPublicJwk({ ...(await exportJWK(publicKey)), alg: algorithm, kid: 'k' }, new Set(algorithms))
  if (!jwk) throw new Error('no key')
  const sign = async (text: string) =>
    parts(await new SignJWT({ text }).setProtectedHeader({ alg: algorithm }).sign(privateKey))
  return { jwk, sign, publicKey }
}

function parts(text: string): TokenText {
  const read = readTokenText(text)
  if (typeof read === 'string') throw new Error(read)
  return read
}

function withSignature(token: TokenText, bytes: Uint8Array): TokenText {
  const signature = Buffer.from(bytes).toString('base64url')
  return { ...token, signature, text: `${token.signingInput}.${signature}` }
}

describe.each(algorithms)('a signature check of %s', (algorithm) => {
  test('accepts what the key signed and nothing else', async () => {
    const { jwk, sign } = await signer(algorithm)
    const stranger = await signer(algorithm)
    const check = await createSignatureCheck(jwk)
    const token = await sign('a')
    const other = await sign('b')
    expect(await check(token)).toBe(true)
    expect(await check(await stranger.sign('a'))).toBe(false)
    expect(await check(withSignature(token, Buffer.from(other.signature, 'base64url')))).toBe(false)
    const flipped = Buffer.from(token.signature, 'base64url')
    flipped[5] = (flipped[5] ?? 0) ^ 1
    expect(await check(withSignature(token, flipped))).toBe(false)
    expect(await check(withSignature(token, flipped.subarray(0, -1)))).toBe(false)
    expect(await check(withSignature(token, Buffer.alloc(flipped.length)))).toBe(false)
    expect(await check(withSignature(token, Buffer.alloc(1)))).toBe(false)
  })
})

test.each(['ES256', 'EdDSA', 'Ed25519', 'RS256', 'PS256'] as const)(
  '%s is checked synchronously on Node',
  async (algorithm) => {
    const { jwk, sign } = await signer(algorithm)
    const check = await createSignatureCheck(jwk)
    expect(check(await sign('a'))).toBe(true)
  },
)

test('ES384 is checked on a thread', async () => {
  const { jwk, sign } = await signer('ES384')
  const check = await createSignatureCheck(jwk)
  expect(check(await sign('a'))).toBeInstanceOf(Promise)
})

describe.each(Object.entries(knownAnswers))('the known answer of %s', (algorithm, { key, signingInput, signature }) => {
  test('is valid, and jose agrees', async () => {
    const publicKey = await importJWK({ ...key }, algorithm)
    await compactVerify(`${signingInput}.${signature}`, publicKey)
    await expect(compactVerify(`${signingInput}A.${signature}`, publicKey)).rejects.toThrow()
  })
})

describe('the DER path of ES256', () => {
  test('agrees with jose on signatures of every possible DER length', async () => {
    const { jwk, sign } = await signer('ES256')
    const key = await importJWK({ ...jwk }, 'ES256')
    if (key instanceof Uint8Array) throw new Error('not a public key')
    const check = nodeSignatureCheck(key, 'ES256')
    const lengths = new Set<number>()
    for (let index = 0; index < 600; index += 1) {
      const token = await sign(String(index))
      lengths.add(derOfEs256(Buffer.from(token.signature, 'base64url'))?.length ?? 0)
      expect(check?.(token)).toBe(true)
    }
    expect([...lengths]).toEqual(expect.arrayContaining([70, 71, 72]))
  })

  const zeros = (bytes: number) => '00'.repeat(bytes)
  test.each([
    ['leading zeros', `${zeros(31)}01${zeros(30)}0102`, '300702010102020102'],
    ['high bits', `80${zeros(31)}ff${zeros(31)}`, `304602210080${zeros(31)}022100ff${zeros(31)}`],
    ['a zero byte before a high bit', `0080${zeros(30)}7f${zeros(31)}`, `304402200080${zeros(30)}02207f${zeros(31)}`],
    ['zeros', zeros(64), '3006020100020100'],
  ])('encodes %s minimally', (_, signature, der) => {
    expect(Buffer.from(derOfEs256(Buffer.from(signature, 'hex')) ?? []).toString('hex')).toBe(der)
  })

  test.each([0, 1, 63, 65, 70, 128])('refuses a signature of %i bytes', (length) => {
    expect(derOfEs256(new Uint8Array(length))).toBeUndefined()
  })
})
