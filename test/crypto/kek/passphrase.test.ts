import { describe, expect, test } from 'vitest'
import { createKeyEncryption, kekIdOf, type SealContext } from '../../../src/crypto/envelope.ts'
import { leastRounds, passphraseKek } from '../../../src/crypto/kek/passphrase.ts'

const passphrase = 'ein langes Kennwort für Tests'
const context: SealContext = { purpose: 'token', table: 'signing_keys', id: 'row-1', version: 1, algorithm: 'ES256' }

/** As after a restart: derives the key again. */
async function start(text = passphrase, rounds?: number) {
  return await createKeyEncryption({ kek: 'passphrase:', providers: { passphrase: () => passphraseKek(text, rounds) } })
}

describe('a passphrase', () => {
  test('the envelope contains the rounds and a salt of 32 bytes', async () => {
    const id = kekIdOf(await (await start()).seal('x', context)) ?? ''
    expect(id).toMatch(/^passphrase_600000_[\w-]{43}_[\w-]{16}$/)
    expect(leastRounds).toBe(600_000)
  })

  test('the derived key is that of PBKDF2-HMAC-SHA-256 with the salt and rounds of the id', async () => {
    const { pbkdf2Sync, createHash } = await import('node:crypto')
    const [, rounds, salt, check] =
      /^passphrase_(\d+)_(.{43})_(.{16})$/.exec((await (await passphraseKek(passphrase)).sealing()).id) ?? []
    const key = pbkdf2Sync(passphrase, Buffer.from(salt ?? '', 'base64url'), Number(rounds), 32, 'sha256')
    expect(
      createHash('sha256').update('mintage kek id\0').update(key).digest().subarray(0, 12).toString('base64url'),
    ).toBe(check)
  })

  test('a new start uses the salt that it finds, so that one derivation opens and seals everything', async () => {
    const first = await start()
    const envelopes = await Promise.all([first.seal('a', context), first.seal('b', context)])
    const second = await start()
    expect(await Promise.all(envelopes.map((each) => second.open(each, context)))).toEqual(['a', 'b'])
    expect(kekIdOf(await second.seal('c', context))).toBe(kekIdOf(envelopes[0] ?? ''))
    expect(second.kekIds).toEqual(first.kekIds.length === 0 ? [kekIdOf(envelopes[0] ?? '')] : first.kekIds)
  })

  test('two starts that chose salts at the same time agree once each has found both', async () => {
    const [one, other] = [await start(), await start()]
    const envelopes = await Promise.all([one.seal('a', context), other.seal('b', context)])
    for (const each of envelopes) {
      await one.open(each, context)
      await other.open(each, context)
    }
    expect(await one.sealingKekId()).toBe(await other.sealingKekId())
    expect(await Promise.all(envelopes.map((each) => one.rewrap(each, context).then(kekIdOf)))).toEqual(
      Array(2).fill(await one.sealingKekId()),
    )
  })

  test('rounds can be raised: envelopes with fewer rounds still open, and a rewrap moves them', async () => {
    const before = await (await start()).seal('x', context)
    const raised = await start(passphrase, 700_000)
    expect(await raised.open(before, context)).toBe('x')
    const after = await raised.rewrap(before, context)
    expect(kekIdOf(after)).toMatch(/^passphrase_700000_/)
    expect(await (await start(passphrase, 700_000)).open(after, context)).toBe('x')
  })

  test.each([
    ['fewer rounds', '599999'],
    ['a million million rounds', '999999999'],
  ])('an envelope that asks for %s is refused before anything is derived', async (_name, rounds) => {
    const encryption = await start()
    const planted = (await encryption.seal('x', context)).replace('_600000_', `_${rounds}_`)
    await expect(encryption.open(planted, context)).rejects.toMatchObject({
      code: 'malformed',
      message: expect.stringContaining('600000 to'),
    })
    expect(await encryption.holds(kekIdOf(planted) ?? '')).toBe(false)
  })

  test('another passphrase is reported as a missing KEK, not as damage', async () => {
    const envelope = await (await start()).seal('x', context)
    const error: unknown = await (await start('another passphrase altogether'))
      .open(envelope, context)
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'kek_missing',
      message: expect.stringContaining('a different passphrase'),
    })
    expect(String(error)).not.toContain(passphrase)
  })

  test('the same letters are the same passphrase, however their accents are encoded', async () => {
    const envelope = await (await start(passphrase.normalize('NFD'))).seal('x', context)
    expect(await (await start(passphrase.normalize('NFC'))).open(envelope, context)).toBe('x')
  })

  test.each([
    ['eleven characters', 'abcdefghijk'],
    ['eleven characters of two units each', '🔑'.repeat(11)],
    ['nothing', ''],
    ['a space at its end', 'a passphrase with an end '],
  ])('%s is refused without being repeated', async (_name, text) => {
    const error: unknown = await passphraseKek(text).catch((reason: unknown) => reason)
    expect(String(error)).toMatch(/must have at least 12 characters|must not begin or end with a space/)
    if (text) expect(String(error)).not.toContain(text)
  })
})
