import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { createKeyEncryption } from '../../src/crypto/envelope.ts'
import { passphraseKek } from '../../src/crypto/kek/passphrase.ts'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { serviceState, signingKeys } from '../../src/db/schema.ts'
import { ServiceError } from '../../src/errors.ts'
import { addRevocationRule } from '../../src/revocation/rule-queries.ts'
import { activateSigningKey } from '../../src/signing-keys/activate.ts'
import { bringForwardWhenReady } from '../../src/signing-keys/bring-forward.ts'
import { importSigningKey } from '../../src/signing-keys/import.ts'
import { maintainSigningKeys, nextMaintenanceAt } from '../../src/signing-keys/maintenance.ts'
import { advanceRingGeneration } from '../../src/signing-keys/queries.ts'
import { listSigningKeys, showSigningKey } from '../../src/signing-keys/read.ts'
import { replaceSigningKey } from '../../src/signing-keys/replace.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { sealContext } from '../../src/signing-keys/sealing.ts'
import { selfTest } from '../../src/signing-keys/self-test.ts'
import { movableClock } from '../support/clock.ts'
import { openTestDatabase } from '../support/databases.ts'
import { keysOf, refusal } from './ring-keys.ts'
import { ringServices, root, startRing } from './ring-service.ts'

const line = { purpose: 'token' } as const

describe('a database that was not bootstrapped', async () => {
  const ring = await ringServices(await openTestDatabase('embedded'), movableClock(), generateRawKek())

  test('lists no keys, shows none, and signs with none', async () => {
    expect(await listSigningKeys(ring, root)).toEqual([])
    expect((await refusal(showSigningKey(ring, root, 'any'))).code).toBe('not_found')
    expect((await refusal(Promise.resolve(ring.keyring.signer('token')))).code).toBe('keyring_unavailable')
  })

  test('has nothing to bring forward', async () => {
    expect(await bringForwardWhenReady(ring)).toEqual([])
  })

  test('is changed neither by maintenance nor by a rotation', async () => {
    await expect(maintainSigningKeys(ring)).rejects.toThrow('the database is empty')
    await expect(rotateSigningKey(ring, root, line)).rejects.toThrow('the database is empty')
    await expect(nextMaintenanceAt(ring)).rejects.toThrow('the database is empty')
    await expect(ring.db.transaction((tx) => advanceRingGeneration(tx))).rejects.toThrow('never started')
    expect(await ring.db.select().from(signingKeys)).toEqual([])
    expect(await ring.db.select().from(serviceState)).toEqual([])
  })
})

describe('the ring belongs to the service', () => {
  test('a role within an organization does not reach it, whatever its permissions say', async () => {
    const ring = await startRing('embedded')
    const customRoles = new Map([
      ['keeper', { 'signing_keys.read': 'organization', 'signing_keys.rotate': 'organization' } as const],
    ])
    const keeper = { ...root, clientId: 'key_keeper', roles: new Set(['keeper']), customRoles }
    expect((await refusal(listSigningKeys(ring, keeper))).code).toBe('permission_denied')
    expect((await refusal(rotateSigningKey(ring, keeper, { ...line, force: true }))).code).toBe('permission_denied')
  })
})

describe('a key that does not exist', () => {
  test('is not rotated when the ring has no keys of its algorithm', async () => {
    const ring = await startRing('embedded')
    const error = await refusal(rotateSigningKey(ring, root, { ...line, algorithm: 'PS256', force: true }))
    expect(error).toMatchObject({
      code: 'not_found',
      detail: 'The ring has no keys of this algorithm. Add the algorithm first.',
    })
  })

  test('cannot be shown, activated or replaced', async () => {
    const ring = await startRing('embedded')
    for (const attempt of [
      showSigningKey(ring, root, 'missing'),
      activateSigningKey(ring, root, 'missing', { force: true }),
      replaceSigningKey(ring, root, { ...line, kid: 'missing' }),
    ])
      expect((await refusal(attempt)).code).toBe('not_found')
  })
})

describe('a key whose tokens are refused', () => {
  test('is not activated, even if the ring does not mark it as revoked', async () => {
    const ring = await startRing('embedded')
    const [, pending] = await keysOf(ring, 'token')
    const rule = { kind: 'signing_key', value: pending?.kid ?? '', expires: 'never', organizationId: null } as const
    const now = ring.clock.now()
    await addRevocationRule(ring.db, { ...rule, reason: 'leaked', actor: 'key_root' }, 30, now)
    expect((await refusal(activateSigningKey(ring, root, pending?.kid ?? '', { force: true }))).code).toBe('conflict')
  })

  test.each([0, 10])(
    'signs nothing from the time in its row on, %i s from now, even without a next key',
    async (seconds) => {
      const ring = await startRing('embedded')
      const [active] = await keysOf(ring, 'token')
      await ring.db
        .update(signingKeys)
        .set({ revokedAt: new Date(ring.clock.now().getTime() + seconds * 1000), revokedBy: 'somebody with psql' })
        .where(eq(signingKeys.kid, active?.kid ?? ''))
      await ring.db.transaction((tx) => advanceRingGeneration(tx))
      const [state] = await ring.db.select().from(serviceState)
      await Promise.resolve(ring.keyring.signer('token', state?.ringGeneration)).catch(() => undefined)
      ring.clock.advance(seconds)
      const attempt = async () => await ring.keyring.signer('token', state?.ringGeneration)
      expect((await refusal(attempt())).code).toBe('keyring_unavailable')
    },
  )
})

describe('an envelope that opens but contains no key', () => {
  test.each(['null', '"text"', '7', '[]', '{}', 'no JSON at all', '{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}'])(
    '%s stops the start with an error that does not repeat it',
    async (content) => {
      const ring = await startRing('embedded')
      const [key] = await keysOf(ring, 'token')
      const sealedPrivateKey = await ring.keyEncryption.seal(
        content,
        sealContext({ ...line, kid: key?.kid ?? '', algorithm: 'ES256' }),
      )
      await ring.db
        .update(signingKeys)
        .set({ sealedPrivateKey })
        .where(eq(signingKeys.kid, key?.kid ?? ''))
      const error: unknown = await selfTest(ring).catch((reason: unknown) => reason)
      expect(String(error)).toContain('the key ring cannot be opened, and nothing new was created')
      expect(String(error)).toContain(key?.kid)
      if (content.length > 5) expect(String(error)).not.toContain(content)
    },
  )
})

describe('an imported key with foreign members', () => {
  const jwk = async (name: 'Ed25519' | 'ECDSA') => {
    const algorithm = name === 'ECDSA' ? { name, namedCurve: 'P-256' } : { name }
    const pair = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
    if (!('privateKey' in pair)) throw new Error('no pair')
    const { key_ops: _, ext: __, ...members } = await crypto.subtle.exportKey('jwk', pair.privateKey)
    return { ...members }
  }

  test('may name its algorithm as RFC 9864 does', async () => {
    const ring = await startRing('embedded')
    const key = { jwk: { ...(await jwk('Ed25519')), alg: 'Ed25519', use: 'sig' } }
    expect(await importSigningKey(ring, root, { ...line, key })).toMatchObject({ algorithm: 'EdDSA', state: 'pending' })
  })

  test.each<[string, Record<string, unknown>]>([
    ['an algorithm that does not fit its curve', { alg: 'ES384' }],
    ['a use other than signatures', { use: 'enc' }],
    ['an unsupported curve', { crv: 'secp256k1' }],
    ['a type without key pairs', { kty: 'oct' }],
    ['no type', { kty: undefined, crv: undefined }],
  ])('with %s is refused, and nothing is written', async (_, changes) => {
    const ring = await startRing('embedded')
    const before = await ring.db.select().from(signingKeys)
    const key = { jwk: { ...(await jwk('ECDSA')), ...changes } }
    expect((await refusal(importSigningKey(ring, root, { ...line, key }))).code).toBe('invalid_request')
    expect(await ring.db.select().from(signingKeys)).toEqual(before)
  })
})

describe('an imported RSA key', async () => {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  }
  const { privateKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const { key_ops: _, ext: __, alg: ___, ...whole } = await crypto.subtle.exportKey('jwk', privateKey)

  test.each<[string, object]>([
    ['a modulus that is not base64url', { n: '!!!' }],
    ['a modulus of zeros', { n: 'AAAA' }],
    ['an exponent that is not base64url', { e: '*' }],
    ['an even exponent', { e: 'AQAA' }],
    ['an exponent of 1', { e: 'AQ' }],
    ['an exponent of nine bytes', { e: 'AQAAAAAAAAAB' }],
    ['no exponent', { e: '' }],
    ['more than two primes', { oth: [{ r: 'AQ', d: 'AQ', t: 'AQ' }], p: '' }],
  ])('with %s is refused, and nothing is written', async (_name, changes) => {
    const ring = await startRing('embedded')
    const before = await ring.db.select().from(signingKeys)
    const error = await refusal(importSigningKey(ring, root, { ...line, key: { jwk: { ...whole, ...changes } } }))
    expect(error.code).toBe('invalid_request')
    expect(await ring.db.select().from(signingKeys)).toEqual(before)
  })
})

describe('the error of a start that cannot open its ring', () => {
  test('says that a different passphrase is configured', async () => {
    const ring = await startRing('embedded')
    const other = () => passphraseKek('a passphrase that sealed nothing here', 600_000)
    const keyEncryption = await createKeyEncryption({ kek: 'passphrase:', providers: { passphrase: other } })
    await expect(selfTest({ ...ring, keyEncryption })).rejects.toThrow('configured: a different passphrase')
  })

  test('says why a configured KEK does not respond', async () => {
    const ring = await startRing('embedded')
    const [key] = await keysOf(ring, 'token')
    for (const [error, words] of [
      [new ServiceError('kek_unavailable', { reason: 'the token is unplugged' }), 'the token is unplugged'],
      [new ServiceError('kek_unavailable'), 'kek_unavailable'],
    ] as const) {
      const keyEncryption = { ...ring.keyEncryption, open: () => Promise.reject(error) }
      await expect(selfTest({ ...ring, keyEncryption })).rejects.toThrow(`${key?.kid}: ${words}`)
    }
  })
})
