import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKeyEncryption } from '../../../src/crypto/envelope.ts'
import { pkcs11Kek } from '../../../src/crypto/kek/pkcs11.node.ts'
import { nodeKekProviders } from '../../../src/crypto/kek/providers.node.ts'
import { softHsm, type TestToken, testToken } from '../../support/soft-hsm-token.ts'

const place = new TextEncoder().encode('["data-key","row-1"]')
const dataKey = new Uint8Array(32).fill(7)

describe('a KEK in a PKCS #11 token', () => {
  const pin = 'not-the-pin'

  test('is refused if its URI does not name the key', async () => {
    await expect(pkcs11Kek('token=mintage', pin)).rejects.toThrow('must name the key by object=')
  })

  test('is refused if its library cannot be loaded, without the PIN in the error', async () => {
    const refused = String(await pkcs11Kek('object=kek-1?module-path=/nowhere.so', pin).catch((reason) => reason))
    expect(refused).toContain('the KEK pkcs11:kek-1')
    expect(refused).not.toContain(pin)
  })
})

// A run without a software HSM says so when it starts; with CI=true it fails there.
describe.each(softHsm === null ? [] : [softHsm])('a KEK in a token of %s', (library) => {
  let token: TestToken
  let folder: string
  beforeAll(async () => {
    token = await testToken()
    folder = await mkdtemp(join(tmpdir(), 'pin-'))
    await token.makeKey('kek-1')
    await token.makeKey('copyable', { extractable: true })
    await token.makeKey('short', { bytes: 16 })
    await token.makeKey('twice', { id: 1 })
    await token.makeKey('twice', { id: 2 })
  })
  afterAll(async () => {
    await rm(folder, { recursive: true })
  })

  const written = (label: string, more = '') => token.uri(label).slice('pkcs11:'.length) + more
  const refusal = async (text: string, pin: string | null) =>
    String(await pkcs11Kek(text, pin).catch((reason: unknown) => reason))

  test('is named by its label', async () => {
    expect((await pkcs11Kek(written('kek-1'), token.pin)).ids).toEqual(['pkcs11:kek-1'])
  })

  test('wraps as AES-256-GCM does: nonce, ciphertext, tag', async () => {
    const kek = await (await pkcs11Kek(written('kek-1'), token.pin)).sealing()
    expect(await kek.wrap(dataKey, place)).toHaveLength(12 + 32 + 16)
  })

  test('the PIN can come from a file', async () => {
    const path = join(folder, 'pin')
    await writeFile(path, `${token.pin}\n`)
    const kek = await (await pkcs11Kek(written('kek-1', `&pin-source=file:${path}`), null)).sealing()
    expect(await kek.unwrap(await kek.wrap(dataKey, place), place)).toEqual(dataKey)
  })

  test('concurrent calls are answered one after the other', async () => {
    const kek = await (await pkcs11Kek(written('kek-1'), token.pin)).sealing()
    const wrapped = await Promise.all(Array.from({ length: 50 }, () => kek.wrap(dataKey, place)))
    const unwrapped = await Promise.all(
      wrapped.map((each, index) => kek.unwrap(each, index % 2 === 0 ? place : place.slice(1))),
    )
    expect(unwrapped.map((each) => each?.length)).toEqual(wrapped.map((_, index) => (index % 2 === 0 ? 32 : undefined)))
  })

  test('a session that the token forgot is opened again', async () => {
    const kek = await (await pkcs11Kek(written('kek-1'), token.pin)).sealing()
    const wrapped = await kek.wrap(dataKey, place)
    await forgetSessions(library)
    expect(await kek.unwrap(wrapped, place)).toEqual(dataKey)
    await forgetSessions(library)
    expect(await kek.wrap(dataKey, place)).toHaveLength(60)
  })

  test.each([
    ['that may be copied out of the token', 'copyable', 'sensitive and not extractable'],
    ['of 16 bytes', 'short', 'AES key of 32 bytes'],
    ['that does not exist', 'absent', 'no secret key with this label'],
    ['whose label exists twice', 'twice', 'add id='],
  ])('a key %s is refused with an explanation', async (_name, label, words) => {
    expect(await refusal(written(label), token.pin)).toContain(words)
  })

  test('id= chooses between two keys with one label', async () => {
    const kek = await (await pkcs11Kek(written('twice').replace('?', ';id=%02?'), token.pin)).sealing()
    expect(await kek.unwrap(await kek.wrap(dataKey, place), place)).toEqual(dataKey)
  })

  test('a token that does not exist is refused with a reason', async () => {
    expect(await refusal(written('kek-1').replace(/token=[^;]+/, 'token=elsewhere'), token.pin)).toContain(
      'no token matches its URI',
    )
  })

  test('a wrong PIN is refused with the error name of the token, tried once, and never shown', async () => {
    await forgetSessions(library)
    const text = await refusal(written('kek-1'), '00000000')
    expect(text).toContain('the KEK pkcs11:kek-1 cannot be used: CKR_PIN_INCORRECT')
    expect(text).not.toContain('00000000')
  })

  test('a missing PIN is refused, with the two ways to give one', async () => {
    expect(await refusal(written('kek-1'), null)).toMatch(/MINTAGE_PKCS11_PIN, or name a file by pin-source/)
  })

  test('a file that is not a library is refused with a reason', async () => {
    const path = join(folder, 'no-library.so')
    await writeFile(path, 'no library')
    const text = await refusal(`object=kek-1?module-path=${path}`, token.pin)
    expect(text).toContain(`the library ${path} of the KEK pkcs11:kek-1 cannot be used`)
    expect(text).not.toContain(token.pin)
  })

  test('two keys with one label are refused: envelopes could not distinguish them', async () => {
    const providers = nodeKekProviders({ aws: null, pkcs11Pin: token.pin })
    const [first, second] = ['%01', '%02'].map((id) => token.uri('twice').replace('?', `;id=${id}?`))
    await expect(createKeyEncryption({ kek: first ?? '', previousKeks: [second ?? ''], providers })).rejects.toThrow(
      'two KEKs are named pkcs11:twice',
    )
  })
})

/** As after a restart of the token: all sessions and the login of this process are gone. */
async function forgetSessions(library: string): Promise<void> {
  const { default: p } = await import('pkcs11js')
  const module = new p.PKCS11()
  module.load(library)
  for (const slot of module.C_GetSlotList(true)) module.C_CloseAllSessions(slot)
}
