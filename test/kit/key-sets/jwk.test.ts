import { exportJWK, generateKeyPair } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { readPublicJwk } from '../../../src/kit/key-sets/jwk.ts'
import { importKeys } from '../../../src/kit/key-sets/key-set.ts'

const all: ReadonlySet<string> = new Set(['ES256', 'ES384', 'EdDSA', 'Ed25519', 'RS256', 'PS256'])

async function publicJwk(algorithm: string, options = {}) {
  const { publicKey } = await generateKeyPair(algorithm, { extractable: true, ...options })
  return { ...(await exportJWK(publicKey)), alg: algorithm, kid: `${algorithm}-key`, use: 'sig' }
}

let ec: Awaited<ReturnType<typeof publicJwk>>
let rsa: typeof ec
let okp: typeof ec

beforeAll(async () => {
  ec = await publicJwk('ES256')
  rsa = await publicJwk('RS256')
  okp = await publicJwk('EdDSA')
})

describe('readPublicJwk', () => {
  test('reads a key of each type and drops members that do not define the key', () => {
    for (const jwk of [ec, rsa, okp]) {
      const { use: _, ...defining } = jwk
      expect(readPublicJwk({ ...jwk, x5u: 'https://evil.example', key_ops: ['verify'] }, all)).toEqual(defining)
    }
  })

  test.each<[string, (keys: { ec: object; rsa: object; okp: object }) => unknown]>([
    ['nothing', () => undefined],
    ['text', () => 'key'],
    ['no kid', ({ ec }) => ({ ...ec, kid: undefined })],
    ['a kid that is a path', ({ ec }) => ({ ...ec, kid: '../../etc/passwd' })],
    ['no alg', ({ ec }) => ({ ...ec, alg: undefined })],
    ['alg none', ({ ec }) => ({ ...ec, alg: 'none' })],
    ['an alg of another case', ({ ec }) => ({ ...ec, alg: 'es256' })],
    ['alg __proto__', ({ ec }) => ({ ...ec, alg: '__proto__' })],
    ['an alg of another curve', ({ ec }) => ({ ...ec, alg: 'ES384' })],
    ['a kty of another alg', ({ ec }) => ({ ...ec, alg: 'RS256' })],
    ['another crv', ({ ec }) => ({ ...ec, crv: 'secp256k1' })],
    ['Ed448', ({ okp }) => ({ ...okp, crv: 'Ed448' })],
    ['use enc', ({ ec }) => ({ ...ec, use: 'enc' })],
    ['key_ops without verify', ({ ec }) => ({ ...ec, key_ops: ['encrypt'] })],
    ['a private part', ({ ec }) => ({ ...ec, d: 'AAAA' })],
    ['RSA primes', ({ rsa }) => ({ ...rsa, p: 'AAAA' })],
    ['a symmetric key', () => ({ kty: 'oct', k: 'AAAA', alg: 'HS256', kid: 'x' })],
    ['a padded coordinate', ({ ec }) => ({ ...ec, x: `AAAA${'x' in ec ? ec.x : ''}` })],
    ['a coordinate that is not a text', ({ ec }) => ({ ...ec, y: 1 })],
    ['a missing coordinate', ({ ec }) => ({ ...ec, y: undefined })],
    ['e = 1', ({ rsa }) => ({ ...rsa, e: 'AQ' })],
    ['e = 2', ({ rsa }) => ({ ...rsa, e: 'Ag' })],
    ['e = 0', ({ rsa }) => ({ ...rsa, e: 'AA' })],
    ['a huge e', ({ rsa }) => ({ ...rsa, e: '_'.repeat(40) })],
    ['a huge n', ({ rsa }) => ({ ...rsa, n: '_'.repeat(5000) })],
  ])('a key with %s is ignored', (_, change) => {
    expect(readPublicJwk(change({ ec, rsa, okp }), all)).toBeUndefined()
  })

  test('an RSA key below 2048 bits is ignored, and one of exactly 2048 is not', async () => {
    expect(readPublicJwk(await weakRsa(1024), all)).toBeUndefined()
    expect(readPublicJwk(await weakRsa(2047), all)).toBeUndefined()
    expect(readPublicJwk(await weakRsa(2048), all)).toBeDefined()
  })

  test('an RSA modulus with the fingerprint of CVE-2017-15361 is ignored', () => {
    const primes = [
      2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
      109, 113,
    ]
    const product = [...primes, 127, 131, 137, 139, 149, 151, 157, 163, 167].reduce(
      (all, prime) => all * BigInt(prime),
      1n,
    )
    let power = 1n
    for (let step = 0; step < 1234; step += 1) power = (power * 65537n) % product
    const factor = (1n << 2047n) / product + 1n
    const hex = (factor * product + power).toString(16)
    const n = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url')
    expect(readPublicJwk({ ...rsa, n }, all)).toBeUndefined()
  })

  test('an algorithm outside the allow-list is ignored', () => {
    expect(readPublicJwk(rsa, new Set(['ES256']))).toBeUndefined()
    expect(readPublicJwk(ec, new Set(['ES256']))).toBeDefined()
  })
})

describe('importKeys', () => {
  test('a point off its curve is ignored, and the other keys work', async () => {
    const y = Buffer.from(ec.y ?? '', 'base64url')
    y[3] = (y[3] ?? 0) ^ 1
    const keys = await importKeys(
      { keys: [{ ...ec, kid: 'off-curve', y: y.toString('base64url') }, ec, rsa, okp] },
      all,
    )
    expect([...keys.keys()]).toEqual(['ES256-key', 'RS256-key', 'EdDSA-key'])
  })

  test('if two keys have the same kid, the first counts', async () => {
    const other = await publicJwk('RS256')
    const keys = await importKeys({ keys: [ec, { ...other, kid: ec.kid }] }, all)
    expect(keys.get(ec.kid)?.algorithm).toBe('ES256')
  })

  test.each([[undefined], [[]], [{}], [{ keys: {} }], ['{"keys":[]}']])('%j is not a JWK Set', async (jwks) => {
    await expect(importKeys(jwks, all)).rejects.toThrow(TypeError)
  })

  test('at most 100 keys are read', async () => {
    const keys = await importKeys({ keys: [...Array.from({ length: 100 }, () => null), ec] }, all)
    expect(keys.size).toBe(0)
  })
})

/** A modulus with that many bits. Nobody knows its factors, and no check needs them. */
async function weakRsa(bits: number) {
  const modulus = (1n << BigInt(bits - 1)) + 0xdeadbeef1n
  const hex = modulus.toString(16)
  return { ...rsa, n: Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url') }
}
