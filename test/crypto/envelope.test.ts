import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aeadOpen, aeadSeal, importAeadKey } from '../../src/crypto/aead.ts'
import { decodeBase64Url } from '../../src/crypto/base64.ts'
import { createKeyEncryption, EnvelopeError, type KeyEncryption, type SealContext } from '../../src/crypto/envelope.ts'
import { readKekFile } from '../../src/crypto/kek/file.node.ts'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'

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
  test('opens to what was sealed, also in another process with the same KEK', async () => {
    expect(await encryption.open(envelope, context)).toBe(plaintext)
    const other = await createKeyEncryption({ kek })
    expect(await other.open(envelope, context)).toBe(plaintext)
    expect(other.kekIds).toEqual(encryption.kekIds)
  })

  test('an empty text and a byte order mark survive', async () => {
    for (const text of ['', '\ufeffx']) expect(await encryption.open(await encryption.seal(text, context), context)).toBe(text)
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
    ['members that spell the same when joined', { ...context, table: 'signing_keysr', id: 'ow-1' }],
    ['members that hold separators', { ...context, purpose: 'token","signing_keys', table: '' }],
  ])('does not open in the place of %s', async (_name, elsewhere) => {
    expect((await refusal(encryption.open(envelope, elsewhere))).code).toBe('not_authentic')
  })

  test('two rows that swap their envelopes both fail to open', async () => {
    const second = { ...context, id: 'row-2' }
    const secondEnvelope = await encryption.seal(plaintext, second)
    expect((await refusal(encryption.open(secondEnvelope, context))).code).toBe('not_authentic')
    expect((await refusal(encryption.open(envelope, second))).code).toBe('not_authentic')
  })

  test('the sealed part of one envelope does not open under the data key of another', async () => {
    const [form, kekId, wrapped] = envelope.split('.')
    const [, , , sealed] = (await encryption.seal(plaintext, context)).split('.')
    expect((await refusal(encryption.open([form, kekId, wrapped, sealed].join('.'), context))).code).toBe('not_authentic')
  })

  test('the data key and the plaintext cannot trade places', async () => {
    const [form, kekId, wrapped, sealed] = envelope.split('.')
    expect((await refusal(encryption.open([form, kekId, sealed, wrapped].join('.'), context))).code).toBe('not_authentic')
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
    'mintage1',
    'mintage2.a.AA.AA',
    'mintage1..AA.AA',
    'mintage1.a b.AA.AA',
    'mintage1.a.A.AA',
    'mintage1.a.AA.AA.AA',
    '{}',
  ])('text that is no envelope is called malformed: %j', async (text) => {
    expect((await refusal(encryption.open(text, context))).code).toBe('malformed')
  })

  test('a missing KEK is named, with the variables that take it', async () => {
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

  test('no error holds the envelope or the plaintext', async () => {
    const { message } = await refusal(encryption.open(envelope, { ...context, version: 9 }))
    for (const part of envelope.split('.').slice(2)) expect(message).not.toContain(part)
  })

  test('no nonce of a KEK comes twice', async () => {
    const nonces = new Set<string>()
    for (let round = 0; round < 50; round++) {
      const batch = await Promise.all(Array.from({ length: 200 }, () => encryption.seal('x', context)))
      for (const each of batch) nonces.add(String(decodeBase64Url(each.split('.')[2] ?? '')?.subarray(0, 12)))
    }
    expect(nonces.size).toBe(10_000)
  })
})

describe('authenticated encryption', () => {
  test('refuses to seal or open without associated data', async () => {
    const key = await importAeadKey(crypto.getRandomValues(new Uint8Array(32)))
    const none = new Uint8Array()
    await expect(aeadSeal(key, new Uint8Array(1), none)).rejects.toThrow('associated data is mandatory')
    await expect(aeadOpen(key, new Uint8Array(64), none)).rejects.toThrow('associated data is mandatory')
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
    ['a blank inside', `raw:${secret.slice(0, 5)} ${secret.slice(5)}`],
    ['31 bytes', `raw:${secret.slice(0, 40)}AA==`],
    ['33 bytes', `raw:${secret.slice(0, 40)}AAAA`],
    ['nothing', 'raw:'],
    ['the empty text', ''],
  ])('a KEK with %s is refused without being shown', async (_name, text) => {
    const error: unknown = await createKeyEncryption({ kek: text }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Error)
    expect(String(error)).not.toContain(secret.slice(0, 5))
  })

  test('a KEK file is refused where there are no files', async () => {
    await expect(createKeyEncryption({ kek: 'file:/kek' })).rejects.toThrow('cannot be read on this platform')
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
    const fromFile = await createKeyEncryption({ kek: `file:${join(folder, 'kek')}`, readFile: readKekFile })
    expect(await fromFile.open(envelope, context)).toBe(plaintext)
  })

  test('what is wrong with it is said with its path and without its content', async () => {
    const path = join(folder, 'wrong')
    await writeFile(path, kek.slice(4))
    const error: unknown = await createKeyEncryption({ kek: `file:${path}`, readFile: readKekFile }).catch((reason: unknown) => reason)
    expect(String(error)).toContain(path)
    expect(String(error)).not.toContain(kek.slice(4, 12))
    await expect(readKekFile(join(folder, 'absent'))).rejects.toThrow('cannot be read')
    await writeFile(path, 'x'.repeat(5_000))
    await expect(readKekFile(path)).rejects.toThrow('larger than')
  })
})
