import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKeyEncryption, EnvelopeError, kekIdOf, type SealContext } from '../../../src/crypto/envelope.ts'
import { isKekId, type KekSource } from '../../../src/crypto/kek/kek.ts'
import { type KekPair, kekProviders, startKeks } from './keks.ts'

const place = new TextEncoder().encode('["data-key","a place, é 🔑"]')
const elsewhere = new TextEncoder().encode('["data-key","a place, é 🔐"]')
const context: SealContext = { purpose: 'token', table: 'signing_keys', id: 'row-1', version: 1, algorithm: 'ES256' }
const plaintext = '{"d":"the private part"}'

const dataKey = () => crypto.getRandomValues(new Uint8Array(32))

describe.each(kekProviders)('the contract of a KEK, kept by %s', (provider) => {
  let pair: KekPair
  let first: KekSource
  beforeAll(async () => {
    pair = await startKeks(provider)
    first = await pair.first()
  })
  afterAll(() => pair.stop())

  /** Envelope encryption as after a start with these KEKs; the first one seals. */
  async function encryptionOf(...sources: KekSource[]) {
    const [kek = '', ...previousKeks] = sources.map((_, index) => `test:${index}`)
    const test = async (written: string) => sources[Number(written)] ?? Promise.reject(new Error('no such KEK'))
    return await createKeyEncryption({ kek, previousKeks, providers: { test } })
  }

  test('a wrapped key is unwrapped by the same KEK after a restart, found by the id alone', async () => {
    const kek = await first.sealing()
    const key = dataKey()
    const wrapped = await kek.wrap(key, place)
    const again = await (await pair.first()).find(kek.id)
    expect(again?.id).toBe(kek.id)
    expect(await again?.unwrap(wrapped, place)).toEqual(key)
  })

  test('its id fits into an envelope and stays the same', async () => {
    const { id } = await first.sealing()
    expect(isKekId(id)).toBe(true)
    expect((await first.sealing()).id).toBe(id)
    expect((await first.find(id))?.id).toBe(id)
  })

  test('another key of the provider has another id and does not unwrap', async () => {
    const second = await pair.second()
    const [kek, other] = [await first.sealing(), await second.sealing()]
    expect(other.id).not.toBe(kek.id)
    expect(await second.find(kek.id)).toBeUndefined()
    expect(await other.unwrap(await kek.wrap(dataKey(), place), place)).toBeUndefined()
  })

  test('a wrapped key does not open in another place', async () => {
    const kek = await first.sealing()
    expect(await kek.unwrap(await kek.wrap(dataKey(), place), elsewhere)).toBeUndefined()
  })

  test('a wrapped key that was cut or changed at any byte does not open', async () => {
    const kek = await first.sealing()
    const wrapped = await kek.wrap(dataKey(), place)
    const lengths = [0, 1, 11, 12, 27, 28, wrapped.length - 16, wrapped.length - 1]
    for (const length of lengths) expect(await kek.unwrap(wrapped.slice(0, length), place)).toBeUndefined()
    for (let at = 0; at < wrapped.length; at++) {
      const changed = Uint8Array.from(wrapped, (byte, index) => (index === at ? byte ^ 1 : byte))
      expect(await kek.unwrap(changed, place)).toBeUndefined()
    }
    expect(await kek.unwrap(wrapped, place)).toHaveLength(32)
  })

  test('the same data key is never wrapped twice to the same bytes', async () => {
    const kek = await first.sealing()
    const key = dataKey()
    const wrapped = await Promise.all(Array.from({ length: 20 }, () => kek.wrap(key, place)))
    expect(new Set(wrapped.map(String)).size).toBe(20)
    for (const each of wrapped) expect(await kek.unwrap(each, place)).toEqual(key)
  })

  test('an envelope names it, opens after a restart, and names it in the error when it is missing', async () => {
    const envelope = await (await encryptionOf(first)).seal(plaintext, context)
    expect(kekIdOf(envelope)).toBe((await first.sealing()).id)
    expect(await (await encryptionOf(await pair.first())).open(envelope, context)).toBe(plaintext)
    const stranger = await encryptionOf(await pair.second())
    const error: unknown = await stranger.open(envelope, context).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'kek_missing', kekId: kekIdOf(envelope) })
    expect(error).toBeInstanceOf(EnvelopeError)
    expect(String(error)).toContain(String(kekIdOf(envelope)))
  })

  test('changing the KEK wraps the data key again, keeps the sealed text, and makes the old KEK superfluous', async () => {
    const before = await (await encryptionOf(first)).seal(plaintext, context)
    const changing = await encryptionOf(await pair.second(), first)
    const after = await changing.rewrap(before, context)
    expect(kekIdOf(after)).toBe(await changing.sealingKekId())
    expect(after.split('.')[3]).toBe(before.split('.')[3])
    expect(await changing.rewrap(after, context)).toBe(after)
    const changed = await encryptionOf(await pair.second())
    expect(await changed.open(after, context)).toBe(plaintext)
    await expect(changed.open(before, context)).rejects.toMatchObject({ code: 'kek_missing' })
  })

  test('no envelope, id or error contains a secret', async () => {
    const encryption = await encryptionOf(first)
    const envelope = await encryption.seal(plaintext, context)
    const errors = await Promise.all([
      encryption.open(envelope, { ...context, id: 'row-2' }).catch(String),
      encryption.open(`${envelope}AA`, context).catch(String),
      (await encryptionOf(await pair.second())).open(envelope, context).catch(String),
    ])
    const text = [envelope, ...encryption.kekIds, ...errors].join('\n')
    for (const secret of pair.secrets) expect(text).not.toContain(secret)
  })
})
