import { calculateJwkThumbprint } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { generateKeyPair, type KeyPair, keyPairOf, publicMembers, thumbprint } from '../../src/signing-keys/key-pair.ts'
import { type Algorithm, algorithms } from '../../src/signing-keys/signer.ts'
import { ed25519Key, ed25519Thumbprint, thumbprintExample } from './rfc-keys.ts'

const kinds: Record<Algorithm, { kty: string; crv?: string; public: string[]; private: string[] }> = {
  ES256: { kty: 'EC', crv: 'P-256', public: ['crv', 'kty', 'x', 'y'], private: ['d'] },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', public: ['crv', 'kty', 'x'], private: ['d'] },
  RS256: { kty: 'RSA', public: ['e', 'kty', 'n'], private: ['d', 'dp', 'dq', 'p', 'q', 'qi'] },
  PS256: { kty: 'RSA', public: ['e', 'kty', 'n'], private: ['d', 'dp', 'dq', 'p', 'q', 'qi'] },
  ES384: { kty: 'EC', crv: 'P-384', public: ['crv', 'kty', 'x', 'y'], private: ['d'] },
}

describe.each(algorithms)('a new key for %s', (algorithm) => {
  let pair: KeyPair
  beforeAll(async () => {
    pair = await generateKeyPair(algorithm)
  })

  test('has its type and curve, the members of its type, and no others', () => {
    const { kty, crv, ...members } = kinds[algorithm]
    expect(pair.publicJwk.kty).toBe(kty)
    expect(pair.publicJwk.crv).toBe(crv)
    expect(Object.keys(pair.publicJwk).sort()).toEqual(members.public)
    expect(Object.keys(pair.privateJwk).sort()).toEqual([...members.public, ...members.private].sort())
  })

  test('R88, R89 has the RFC 7638 thumbprint as its kid: SHA-256 over the required members in order, without spaces', async () => {
    const text = `{${kinds[algorithm].public.map((member) => `"${member}":"${pair.publicJwk[member]}"`).join(',')}}`
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
    expect(pair.kid).toBe(Buffer.from(digest).toString('base64url'))
    expect(pair.kid).toBe(await calculateJwkThumbprint(pair.privateJwk, 'sha256'))
  })

  test('has the same kid whatever else its JWK says', async () => {
    expect(await thumbprint({ ...pair.publicJwk, kid: 'x', alg: algorithm, use: 'sig', d: 'x', k: 'x' })).toBe(pair.kid)
  })

  test('R86 loses every private member when it is published, whatever the member is called', () => {
    const crowded = { ...pair.privateJwk, p: 'p', q: 'q', dp: 'dp', dq: 'dq', qi: 'qi', oth: [], k: 'k', secret: 's' }
    expect(publicMembers(crowded)).toEqual(pair.publicJwk)
  })

  test('is read back from its private JWK, without foreign members', async () => {
    expect(await keyPairOf({ ...pair.privateJwk, kid: 'other', alg: 'none', key_ops: ['sign'], oth: [] })).toEqual(pair)
  })

  test('cannot be read from an incomplete key', async () => {
    for (const member of Object.keys(pair.privateJwk)) {
      await expect(keyPairOf({ ...pair.privateJwk, [member]: undefined }), member).rejects.toThrow(TypeError)
      await expect(keyPairOf({ ...pair.privateJwk, [member]: '' }), member).rejects.toThrow(TypeError)
    }
    await expect(keyPairOf(pair.publicJwk)).rejects.toThrow('the key has no d')
  })
})

test('a new RSA key has 2048 bits', async () => {
  const { publicJwk } = await generateKeyPair('RS256')
  expect(Buffer.from(publicJwk.n ?? '', 'base64url')).toHaveLength(256)
})

test('no two keys are the same', async () => {
  const kids = await Promise.all(Array.from({ length: 50 }, async () => (await generateKeyPair('ES256')).kid))
  expect(new Set(kids).size).toBe(50)
})

test('R88 the thumbprint matches the example in RFC 7638 §3.1', async () => {
  expect(await thumbprint(thumbprintExample.jwk)).toBe(thumbprintExample.kid)
})

test('R89 the thumbprint of an Ed25519 key matches RFC 8037 A.3, over crv, kty and x', async () => {
  expect(await thumbprint(ed25519Key)).toBe(ed25519Thumbprint)
})

test.each([
  { kty: 'oct', k: 'AA' },
  { kty: 'AKP', pub: 'AA' },
  { kty: 'EC', crv: 'P-256', x: 'AA' },
  { kty: 'EC', crv: 'P-256', x: '', y: 'AA' },
  {},
])('a text that is not one of our public keys is refused: %j', (jwk) => {
  expect(() => publicMembers(jwk)).toThrow(TypeError)
})
