import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aeadOpen, aeadSeal, importAeadKey } from '../../src/crypto/aead.ts'
import { createKeyEncryption, EnvelopeError, type KeyEncryption, type SealContext } from '../../src/crypto/envelope.ts'
import { fileKek, readSecretFile } from '../../src/crypto/kek/file.node.ts'
import { nodeKekProviders } from '../../src/crypto/kek/providers.node.ts'
import { workersKekProviders } from '../../src/crypto/kek/providers.workers.ts'
import { generateRawKek, rawKek } from '../../src/crypto/kek/raw.ts'

const context: SealContext = { purpose: 'token', table: 'signing_keys', id: 'row-1', version: 1, algorithm: 'ES256' }
const plaintext = '{"d":"the private part, é 🔑"}'
const kek = generateRawKek()
let encryption: KeyEncryption
let envelope: string

beforeAll(async () => {
  encryption = await createKeyEncryption({ kek })
  envelope = await encryption.seal(plaintext, context)
})

async function refusal(attempt: Promise<unknown>): Promise<EnvelopeError> {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof EnvelopeError)) throw new Error(`expected an EnvelopeError, got ${String(error)}`)
  return error
}

describe('envelope', () => {
  test('opens to what was sealed, even in another process with the same KEK', async () => {
    expect(await encryption.open(envelope, context)).toBe(plaintext)
    const other = await createKeyEncryption({ kek })
    expect(await other.open(envelope, context)).toBe(plaintext)
    expect(other.kekIds).toEqual(encryption.kekIds)
  })

  test('an empty text and a byte order mark survive', async () => {
    for (const text of ['', '\ufeffx'])
      expect(await encryption.open(await encryption.seal(text, context), context)).toBe(text)
  })

  test('the plaintext and the KEK cannot be seen in it', () => {
    expect(envelope).not.toContain('private')
    expect(envelope).not.toContain(kek.slice(4))
    expect(envelope).toContain(`.${encryption.kekIds[0]}.`)
  })

  test.each<[string, SealContext]>([
    ['another purpose', { ...context, purpose: 'record' }],
    ['another table', { ...context, table: 'webhooks' }],
    ['another row', { ...context, id: 'row-2' }],
    ['another version', { ...context, version: 2 }],
    ['another algorithm', { ...context, algorithm: 'EdDSA' }],
    ['members that are equal when joined', { ...context, table: 'signing_keysr', id: 'ow-1' }],
    ['members that contain separators', { ...context, purpose: 'token","signing_keys', table: '' }],
  ])('does not open in the place of %s', async (_name, elsewhere) => {
    expect((await refusal(encryption.open(envelope, elsewhere))).code).toBe('not_authentic')
  })

  test('A64 · two rows that swap their envelopes both fail to open', async () => {
    const second = { ...context, id: 'row-2' }
    const secondEnvelope = await encryption.seal(plaintext, second)
    expect((await refusal(encryption.open(secondEnvelope, context))).code).toBe('not_authentic')
    expect((await refusal(encryption.open(envelope, second))).code).toBe('not_authentic')
  })

  test('the sealed part of one envelope does not open under the data key of another', async () => {
    const [form, kekId, wrapped] = envelope.split('.')
    const [, , , sealed] = (await encryption.seal(plaintext, context)).split('.')
    expect((await refusal(encryption.open([form, kekId, wrapped, sealed].join('.'), context))).code).toBe(
      'not_authentic',
    )
  })

  test('the data key and the plaintext cannot trade places', async () => {
    const [form, kekId, wrapped, sealed] = envelope.split('.')
    expect((await refusal(encryption.open([form, kekId, sealed, wrapped].join('.'), context))).code).toBe(
      'not_authentic',
    )
  })

  test('every truncation is refused', async () => {
    for (let length = 0; length < envelope.length; length++) {
      const { code } = await refusal(encryption.open(envelope.slice(0, length), context))
      expect(['malformed', 'not_authentic', 'kek_missing']).toContain(code)
    }
  })

  test('every changed character is refused', async () => {
    for (let at = 0; at < envelope.length; at++) {
      const changed = envelope.slice(0, at) + (envelope[at] === 'A' ? 'B' : 'A') + envelope.slice(at + 1)
      await refusal(encryption.open(changed, context))
    }
  })

  test.each([
    '',
    '....',
    'mintage2',
    'mintage3.a.AA.AA',
    'mintage2..AA.AA',
    'mintage2.a b.AA.AA',
    'mintage2.a.A.AA',
    'mintage2.a.AA.AA.AA',
    '{}',
  ])('text that is not an envelope is called malformed: %j', async (text) => {
    expect((await refusal(encryption.open(text, context))).code).toBe('malformed')
  })

  test('a missing KEK is named, with the variables to set', async () => {
    const stranger = await createKeyEncryption({ kek: generateRawKek() })
    const error = await refusal(stranger.open(envelope, context))
    expect(error.code).toBe('kek_missing')
    expect(error.kekId).toBe(encryption.kekIds[0])
    for (const word of [encryption.kekIds[0], stranger.kekIds[0], 'MINTAGE_KEK', 'MINTAGE_KEK_PREVIOUS', 'row-1']) {
      expect(error.message).toContain(word)
    }
  })

  test('a wrong KEK under the right name is refused: an envelope relabelled to a configured KEK does not open', async () => {
    const stranger = await createKeyEncryption({ kek: generateRawKek() })
    const relabelled = envelope.replace(encryption.kekIds[0] ?? '', stranger.kekIds[0] ?? '')
    expect((await refusal(stranger.open(relabelled, context))).code).toBe('not_authentic')
  })

  test('a previous KEK still opens and never seals', async () => {
    const rotated = await createKeyEncryption({ kek: generateRawKek(), previousKeks: [kek] })
    expect(await rotated.open(envelope, context)).toBe(plaintext)
    const fresh = await rotated.seal(plaintext, context)
    expect(fresh).toContain(rotated.kekIds[0])
    expect((await refusal(encryption.open(fresh, context))).code).toBe('kek_missing')
  })

  test('no error contains the envelope or the plaintext', async () => {
    const { message } = await refusal(encryption.open(envelope, { ...context, version: 9 }))
    for (const part of envelope.split('.').slice(2)) expect(message).not.toContain(part)
  })

  /**
   * 10^6 wraps take too long here. A generator that repeats within 10^6 draws has fewer than about 10^12 values, so at
   * least 56 of the 96 bits depend on the others. In practice that means constant bits, a counter that restarts or a
   * 32-bit seed. These show in 10^5 draws: as a repetition (fewer than 10^10 values) or as uneven bits.
   */
  test('A64 · 100,000 nonces of a KEK are all different, and each of their bits is evenly distributed', async () => {
    const source = await rawKek(kek.slice(4))
    const sealing = await source.sealing()
    const dataKey = new Uint8Array(32)
    const place = new Uint8Array(1)
    const count = 100_000
    const nonces = new Set<string>()
    const ones = new Uint32Array(96)
    for (let round = 0; round < count / 500; round++) {
      for (const wrapped of await Promise.all(Array.from({ length: 500 }, () => sealing.wrap(dataKey, place)))) {
        nonces.add(String.fromCharCode(...wrapped.subarray(0, 12)))
        for (let bit = 0; bit < 96; bit++) ones[bit] = (ones[bit] ?? 0) + (((wrapped[bit >> 3] ?? 0) >> (bit & 7)) & 1)
      }
    }
    expect(nonces.size).toBe(count)
    // Seven standard deviations: a good generator fails once in 10^9 runs.
    const allowed = 7 * Math.sqrt(count / 4)
    expect([...ones].filter((each) => Math.abs(each - count / 2) > allowed)).toEqual([])
  })
})

describe('a change of KEK', () => {
  const newKek = generateRawKek()

  /** Sealed in the first form; the KEK is the bytes 0 to 31. */
  const firstForm = {
    kek: `raw:${btoa(String.fromCharCode(...Array(32).keys()))}`,
    envelope:
      'mintage1.kek_Tpf_0-iLlPjL-igS.Ut08SnhX_ERs_02jl8cCXBdrL0-n5biV5IZMAIfWJjXUWyV805Icax0xDLtL2B2uOiuQTBdPf79BBTli.6vZBY2rqTozWp7uIs0eDqBAJ7UpGxj8_R42dPL2FP1OLdjVSsj7_fMyevi4P9-6KSeG3Rg',
    plaintext: 'sealed in the first form',
  }

  test('an envelope of the first form still opens, only in its place, and a rewrap converts it', async () => {
    const older = await createKeyEncryption({ kek: newKek, previousKeks: [firstForm.kek] })
    expect(await older.open(firstForm.envelope, context)).toBe(firstForm.plaintext)
    expect((await refusal(older.open(firstForm.envelope, { ...context, id: 'row-2' }))).code).toBe('not_authentic')
    const moved = await older.rewrap(firstForm.envelope, context)
    expect(moved).toMatch(/^mintage2\./)
    expect(await (await createKeyEncryption({ kek: newKek })).open(moved, context)).toBe(firstForm.plaintext)
  })

  test('an envelope of one form does not open as the other', async () => {
    const only = await createKeyEncryption({ kek: firstForm.kek })
    const relabelled = firstForm.envelope.replace('mintage1', 'mintage2')
    expect((await refusal(only.open(relabelled, context))).code).toBe('not_authentic')
  })

  test('a rewrap does not move an envelope that is damaged or in another place', async () => {
    const changing = await createKeyEncryption({ kek: newKek, previousKeks: [kek] })
    expect((await refusal(changing.rewrap(envelope, { ...context, id: 'row-2' }))).code).toBe('not_authentic')
    expect((await refusal(changing.rewrap(envelope.slice(0, -2), context))).code).toMatch(/malformed|not_authentic/)
    const stranger = await createKeyEncryption({ kek: newKek })
    expect((await refusal(stranger.rewrap(envelope, context))).code).toBe('kek_missing')
  })

  test('the configured KEKs can be listed', async () => {
    const changing = await createKeyEncryption({ kek: newKek, previousKeks: [kek] })
    const [sealing = '', previous = ''] = changing.kekIds
    expect(await changing.sealingKekId()).toBe(sealing)
    expect(await Promise.all([sealing, previous, 'kek_AAAAAAAAAAAAAAAA'].map((id) => changing.holds(id)))).toEqual([
      true,
      true,
      false,
    ])
  })
})

describe('authenticated encryption', () => {
  test('refuses to seal or open without associated data', async () => {
    const key = await importAeadKey(crypto.getRandomValues(new Uint8Array(32)))
    const none = new Uint8Array()
    await expect(aeadSeal(key, new Uint8Array(1), none)).rejects.toThrow('associated data must not be empty')
    await expect(aeadOpen(key, new Uint8Array(64), none)).rejects.toThrow('associated data must not be empty')
  })

  test.each([0, 16, 31, 33, 64])('refuses a key of %i bytes', async (length) => {
    await expect(importAeadKey(new Uint8Array(length))).rejects.toThrow('32 bytes')
  })
})

describe('KEK', () => {
  const secret = generateRawKek().slice(4)

  test.each([
    ['no prefix', secret],
    ['another prefix', `hex:${secret}`],
    ['no padding', `raw:${secret.replace('=', '')}`],
    ['a space inside', `raw:${secret.slice(0, 5)} ${secret.slice(5)}`],
    ['31 bytes', `raw:${secret.slice(0, 40)}AA==`],
    ['33 bytes', `raw:${secret.slice(0, 40)}AAAA`],
    ['nothing', 'raw:'],
    ['an empty text', ''],
  ])('a KEK with %s is refused without being shown', async (_name, text) => {
    const error: unknown = await createKeyEncryption({ kek: text }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Error)
    expect(String(error)).not.toContain(secret.slice(0, 5))
  })

  test('an unsupported provider is refused, with the supported ones', async () => {
    const providers = workersKekProviders({ aws: null, pkcs11Pin: null })
    for (const text of ['file:/kek', 'passphrase:a long enough passphrase', 'pkcs11:object=a?module-path=/a']) {
      await expect(createKeyEncryption({ kek: text, providers })).rejects.toThrow(
        'on this platform, a KEK must begin with raw: or aws-kms:',
      )
    }
  })

  test('the same KEK given twice counts once', async () => {
    expect((await createKeyEncryption({ kek, previousKeks: [kek, kek] })).kekIds).toHaveLength(1)
  })
})

describe('KEK file', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kek-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('opens what the same KEK sealed, with or without a line end', async () => {
    await writeFile(join(folder, 'kek'), `${kek}\n`)
    const fromFile = await createKeyEncryption({
      kek: `file:${join(folder, 'kek')}`,
      providers: nodeKekProviders({ aws: null, pkcs11Pin: null }),
    })
    expect(await fromFile.open(envelope, context)).toBe(plaintext)
  })

  test('errors name its path and never its content', async () => {
    const path = join(folder, 'wrong')
    await writeFile(path, kek.slice(4))
    const error: unknown = await fileKek(path).catch((reason: unknown) => reason)
    expect(String(error)).toContain(path)
    expect(String(error)).not.toContain(kek.slice(4, 12))
    await expect(readSecretFile(join(folder, 'absent'), 'KEK')).rejects.toThrow('cannot be read')
    await writeFile(path, 'x'.repeat(5_000))
    await expect(readSecretFile(path, 'KEK')).rejects.toThrow('larger than')
  })
})
