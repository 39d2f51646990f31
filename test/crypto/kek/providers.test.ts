import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKeyEncryption, kekIdOf, type SealContext } from '../../../src/crypto/envelope.ts'
import { passphraseKek } from '../../../src/crypto/kek/passphrase.ts'
import { nodeKekProviders } from '../../../src/crypto/kek/providers.node.ts'
import { workersKekProviders } from '../../../src/crypto/kek/providers.workers.ts'
import { generateRawKek } from '../../../src/crypto/kek/raw.ts'
import { type FakeKms, startFakeKms } from '../../support/fake-kms.ts'
import { firstArn } from './keks.ts'

const context: SealContext = { purpose: 'token', table: 'signing_keys', id: 'row-1', version: 1, algorithm: 'ES256' }
let kms: FakeKms

beforeAll(async () => {
  kms = await startFakeKms('eu-central-1', [firstArn])
})
afterAll(() => kms.stop())

const access = () => ({ aws: { ...kms.credentials, endpoint: kms.url }, pkcs11Pin: '1234' })

describe('the KEK providers of a runtime', () => {
  test.each(['raw', 'aws-kms'] as const)(
    '%s seals on Node what opens on Workers, and the other way round',
    async (provider) => {
      const kek = provider === 'raw' ? generateRawKek() : `aws-kms:${firstArn}`
      const node = await createKeyEncryption({ kek, providers: nodeKekProviders(access()) })
      const workers = await createKeyEncryption({ kek, providers: workersKekProviders(access()) })
      expect(await workers.open(await node.seal('from node', context), context)).toBe('from node')
      expect(await node.open(await workers.seal('from workers', context), context)).toBe('from workers')
    },
  )

  test('a passphrase works on Node and is refused on Workers, which limit the rounds', async () => {
    const kek = 'passphrase:ein langes Kennwort für Tests'
    const node = await createKeyEncryption({ kek, providers: nodeKekProviders(access()) })
    expect(kekIdOf(await node.seal('x', context))).toMatch(/^passphrase_600000_/)
    await expect(createKeyEncryption({ kek, providers: workersKekProviders(access()) })).rejects.toThrow()
  })

  test('a token whose library does not exist is refused with a reason and without its PIN', async () => {
    const kek = 'pkcs11:token=none;object=none?module-path=/nowhere/lib.so'
    const refused = createKeyEncryption({ kek, providers: nodeKekProviders(access()) })
    await expect(refused).rejects.toThrow('/nowhere/lib.so')
    await expect(refused).rejects.not.toThrow('1234')
  })
})

describe('an envelope under a passphrase KEK', () => {
  const named = (rounds: number, salt = 'A'.repeat(43)) => `passphrase_${rounds}_${salt}_${'B'.repeat(16)}`

  test.each([1, 599_999, 100_000_001])('of %i rounds is refused before anything is derived', async (rounds) => {
    const provider = await passphraseKek('ein langes Kennwort für Tests')
    await expect(provider.find(named(rounds))).rejects.toThrow('PBKDF2 rounds')
  })

  test.each([
    '',
    'kek_AAAA',
    named(600_000, 'A'.repeat(42)),
    named(600_000, 'A'.repeat(44)),
    'passphrase_0600000_x_y',
    `${named(600_000)}\n`,
  ])('by %j is one of another provider', async (id) => {
    expect(await (await passphraseKek('ein langes Kennwort für Tests')).find(id)).toBeUndefined()
  })
})
