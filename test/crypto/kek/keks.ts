import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { awsKmsKek } from '../../../src/crypto/kek/aws-kms.ts'
import { fileKek } from '../../../src/crypto/kek/file.node.ts'
import type { KekSource } from '../../../src/crypto/kek/kek.ts'
import { passphraseKek } from '../../../src/crypto/kek/passphrase.ts'
import { pkcs11Kek } from '../../../src/crypto/kek/pkcs11.node.ts'
import { generateRawKek, rawKek } from '../../../src/crypto/kek/raw.ts'
import { startFakeKms } from '../../support/fake-kms.ts'
import { softHsm, testToken } from '../../support/soft-hsm-token.ts'

/** Two keys of one provider. Every call opens the key again, as after a restart. */
export type KekPair = {
  first(): Promise<KekSource>
  second(): Promise<KekSource>
  /** Must never appear in an error or an envelope. */
  secrets: readonly string[]
  stop(): Promise<void>
}

const nothing = async () => {}

export const firstArn = 'arn:aws:kms:eu-central-1:123456789012:key/11111111-aaaa-4bbb-8ccc-000000000001'
export const secondArn = 'arn:aws:kms:eu-central-1:123456789012:key/22222222-aaaa-4bbb-8ccc-000000000002'

const providers: Record<string, () => Promise<KekPair>> = {
  async raw() {
    const [first, second] = [generateRawKek().slice(4), generateRawKek().slice(4)]
    return { first: () => rawKek(first), second: () => rawKek(second), secrets: [first, second], stop: nothing }
  },

  async file() {
    const folder = await mkdtemp(join(tmpdir(), 'kek-'))
    const [first, second] = [generateRawKek(), generateRawKek()]
    await writeFile(join(folder, 'first'), `${first}\n`)
    await writeFile(join(folder, 'second'), second)
    return {
      first: () => fileKek(join(folder, 'first')),
      second: () => fileKek(join(folder, 'second')),
      secrets: [first.slice(4), second.slice(4)],
      stop: () => rm(folder, { recursive: true }),
    }
  },

  async passphrase() {
    const [first, second] = ['one passphrase for the tests', 'another passphrase for the tests']
    return {
      first: () => passphraseKek(first),
      second: () => passphraseKek(second),
      secrets: [first, second],
      stop: nothing,
    }
  },

  async 'aws-kms'() {
    const kms = await startFakeKms('eu-central-1', [firstArn, secondArn])
    const access = { ...kms.credentials, endpoint: kms.url }
    return {
      first: () => awsKmsKek(firstArn, access),
      second: () => awsKmsKek(secondArn, access),
      secrets: [kms.credentials.secretAccessKey, kms.credentials.sessionToken],
      stop: kms.stop,
    }
  },
}

if (softHsm !== null) {
  providers.pkcs11 = async () => {
    const token = await testToken()
    await token.makeKey('first')
    await token.makeKey('second', { id: 2 })
    const open = (label: string) => pkcs11Kek(token.uri(label).slice('pkcs11:'.length), token.pin)
    return { first: () => open('first'), second: () => open('second'), secrets: [token.pin], stop: nothing }
  }
}

/** The providers that can run on this machine. */
export const kekProviders = Object.keys(providers)

export async function startKeks(provider: string): Promise<KekPair> {
  const start = providers[provider]
  if (!start) throw new Error(`there is no provider ${provider}`)
  return await start()
}
