import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { compactVerify, importJWK } from 'jose'
import { describe, expect, test } from 'vitest'
import { auditEvents, signingKeys } from '../../src/db/schema.ts'
import { addSigningKey } from '../../src/signing-keys/add.ts'
import { importSigningKey } from '../../src/signing-keys/import.ts'
import { signJwt } from '../../src/signing-keys/jwt.ts'
import { thumbprint } from '../../src/signing-keys/key-pair.ts'
import { maintainSigningKeys } from '../../src/signing-keys/maintenance.ts'
import { readRing } from '../../src/signing-keys/queries.ts'
import { replaceSigningKey } from '../../src/signing-keys/replace.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { selfTest } from '../../src/signing-keys/self-test.ts'
import type { Algorithm } from '../../src/signing-keys/signer.ts'
import { databaseKinds } from '../support/databases.ts'
import { keysOf, refusal } from './ring-keys.ts'
import { admin, leadSeconds, type RingService, root, rotateEverySeconds, startRing } from './ring-service.ts'

const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const jwkOf = (key: KeyObject): Record<string, unknown> => ({ ...key.export({ format: 'jwk' }) })
const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const p384 = () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
const ed25519 = () => generateKeyPairSync('ed25519').privateKey
const rsa = (modulusLength = 2048, publicExponent = 65_537) =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey

const token = { purpose: 'token' } as const
const later = (ring: RingService, seconds: number) =>
  new Date(ring.clock.now().getTime() + seconds * 1000).toISOString()

describe.each(databaseKinds)('an imported key on %s', (kind) => {
  test.each<[string, () => KeyObject, Algorithm | undefined, Algorithm]>([
    ['P-256', p256, undefined, 'ES256'],
    ['P-384', p384, undefined, 'ES384'],
    ['Ed25519', ed25519, undefined, 'EdDSA'],
    ['RSA', rsa, undefined, 'RS256'],
    ['RSA for PSS', rsa, 'PS256', 'PS256'],
  ])(
    'of %s comes in as PEM and as JWK, pending under its thumbprint, sealed, and signs when its time has come',
    async (_, make, algorithm, expected) => {
      for (const form of ['pem', 'jwk'] as const) {
        const ring = await startRing(kind)
        const own = make()
        const key = form === 'pem' ? { pem: pemOf(own) } : { jwk: jwkOf(own) }
        const imported = await importSigningKey(ring, root, { ...token, key, algorithm })
        const kid = await thumbprint(
          Object.fromEntries(Object.entries(jwkOf(own)).map(([name, value]) => [name, String(value)])),
        )
        expect(imported).toMatchObject({
          kid,
          algorithm: expected,
          origin: 'imported',
          state: 'pending',
          createdBy: 'key_root',
          safeAt: later(ring, leadSeconds),
        })
        const secrets = Object.entries(jwkOf(own)).filter(([name]) => ['d', 'p', 'q', 'dp', 'dq', 'qi'].includes(name))
        const written = JSON.stringify([
          await ring.db.select().from(signingKeys),
          await ring.db.select().from(auditEvents),
          ring.logged,
        ])
        for (const [, secret] of secrets) expect(written).not.toContain(secret)
        ring.clock.set(new Date(imported.activatesAt ?? 0))
        const signer = await ring.keyring.signer('token', undefined, expected)
        expect(signer.kid).toBe(kid)
        const jwk = (await ring.keyring.publicKeys('token')).keys.find((each) => each.kid === kid)
        await compactVerify(await signJwt(signer, 'at+jwt', {}), await importJWK({ ...jwk }, expected))
        await selfTest(ring)
      }
    },
  )

  test('becomes the next key at the planned time, and the key that was next follows it', async () => {
    const ring = await startRing(kind)
    const [active, planned] = await keysOf(ring, 'token')
    const imported = await importSigningKey(ring, root, { ...token, key: { pem: pemOf(p256()) } })
    expect(imported.activatesAt).toBe(planned?.activatesAt)
    expect(await keysOf(ring, 'token')).toMatchObject([
      { kid: active?.kid },
      { kid: imported.kid },
      { kid: planned?.kid, activatesAt: null },
    ])
    ring.clock.advance(leadSeconds)
    expect(await rotateSigningKey(ring, root, token)).toMatchObject({ kid: imported.kid, state: 'active' })
    expect(await keysOf(ring, 'token')).toMatchObject([
      { state: 'retiring' },
      { state: 'active' },
      { kid: planned?.kid, activatesAt: later(ring, rotateEverySeconds) },
    ])
  })

  test('does not sign before its safe time, however near the planned activation is', async () => {
    const ring = await startRing(kind)
    ring.clock.advance(rotateEverySeconds - 10)
    const imported = await importSigningKey(ring, root, { ...token, key: { pem: pemOf(p256()) } })
    expect(imported.activatesAt).toBe(later(ring, leadSeconds))
    const [, planned] = await keysOf(ring, 'token')
    ring.clock.advance(10)
    await maintainSigningKeys(ring)
    expect((await ring.keyring.signer('token')).kid).toBe(planned?.kid)
  })

  test('cannot be imported twice, not even after it was revoked', async () => {
    const ring = await startRing(kind)
    const key = { pem: pemOf(p256()) }
    const { kid } = await importSigningKey(ring, root, { ...token, key })
    expect(await refusal(importSigningKey(ring, root, { ...token, key }))).toMatchObject({ code: 'conflict' })
    await replaceSigningKey(ring, root, { ...token, kid })
    expect(await refusal(importSigningKey(ring, root, { ...token, key }))).toMatchObject({ code: 'conflict' })
    expect(await refusal(importSigningKey(ring, root, { purpose: 'record', key }))).toMatchObject({ code: 'conflict' })
  })

  test('can be a record key only as ES256', async () => {
    const ring = await startRing(kind)
    expect(await importSigningKey(ring, root, { purpose: 'record', key: { pem: pemOf(p256()) } })).toMatchObject({
      purpose: 'record',
      state: 'pending',
    })
    expect(
      await refusal(importSigningKey(ring, root, { purpose: 'record', key: { pem: pemOf(ed25519()) } })),
    ).toMatchObject({
      code: 'invalid_request',
    })
  })
})

describe('a key that cannot sign is refused', () => {
  const stranger = () => jwkOf(p256())
  const cases: [string, () => { pem: string } | { jwk: Record<string, unknown> }, Algorithm?][] = [
    ['an empty text', () => ({ pem: '' })],
    [
      'a public key',
      () => ({ pem: generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString() }),
    ],
    ['SEC 1', () => ({ pem: p256().export({ type: 'sec1', format: 'pem' }).toString() })],
    ['PKCS #1', () => ({ pem: rsa().export({ type: 'pkcs1', format: 'pem' }).toString() })],
    [
      'an encrypted key',
      () => ({
        pem: p256().export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
      }),
    ],
    ['a truncated key', () => ({ pem: pemOf(p256()).slice(0, 80) })],
    ['a flipped key', () => ({ pem: pemOf(p256()).replace(/.\n-----END/, '!\n-----END') })],
    ['an X25519 key', () => ({ pem: pemOf(generateKeyPairSync('x25519').privateKey) })],
    ['a P-521 key', () => ({ pem: pemOf(generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey) })],
    ['a secp256k1 key', () => ({ pem: pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey) })],
    ['1024 bits of RSA', () => ({ pem: pemOf(rsa(1024)) })],
    ['a key for another algorithm', () => ({ pem: pemOf(p256()) }), 'ES384'],
    ['an RSA key for ECDSA', () => ({ pem: pemOf(rsa()) }), 'ES256'],
    ['an empty object', () => ({ jwk: {} })],
    ['a public JWK', () => ({ jwk: { ...stranger(), d: undefined } })],
    ['a shared secret', () => ({ jwk: { kty: 'oct', k: 'AAAA' } })],
    ['a JWK with the parts of two keys', () => ({ jwk: { ...stranger(), d: stranger().d } })],
    ['a point off the curve', () => ({ jwk: { ...stranger(), x: 'A'.repeat(43) } })],
    ['a JWK with another alg', () => ({ jwk: { ...stranger(), alg: 'ES384' } })],
    ['a JWK for encryption', () => ({ jwk: { ...stranger(), use: 'enc' } })],
    ['a JWK with a number as its private part', () => ({ jwk: { ...stranger(), d: 7 } })],
    ['an RSA JWK with e = 1', () => ({ jwk: { ...jwkOf(rsa()), e: 'AQ' } })],
  ]

  test.each(cases)('%s is refused without repeating any of it, and nothing is written', async (_, key, algorithm) => {
    const ring = await startRing('embedded')
    const before = await readRing(ring.db)
    const given = key()
    const error = await refusal(importSigningKey(ring, root, { ...token, key: given, ...(algorithm && { algorithm }) }))
    expect(error.code).toBe('invalid_request')
    const said = JSON.stringify([error.message, error.detail, error.stack, String(error.cause), ring.logged])
    const material =
      'pem' in given
        ? given.pem.split('\n').slice(1, -2)
        : Object.values(given.jwk).filter((value) => String(value).length > 20)
    for (const part of material) expect(said).not.toContain(part)
    expect(await readRing(ring.db)).toEqual(before)
  })

  test('only the owner of the ring can import', async () => {
    const ring = await startRing('embedded')
    expect(await refusal(importSigningKey(ring, admin, { ...token, key: { pem: pemOf(p256()) } }))).toMatchObject({
      code: 'permission_denied',
    })
    expect(await refusal(addSigningKey(ring, admin, { algorithm: 'EdDSA' }))).toMatchObject({
      code: 'permission_denied',
    })
  })
})
