import { beforeAll, describe, expect, test } from 'vitest'
import { createKeyEncryption, type KeyEncryption } from '../../src/crypto/envelope.ts'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { nodePlatform } from '../../src/node/platform.ts'
import { generateKeyPair, type KeyPair } from '../../src/signing-keys/key-pair.ts'
import type { RingKey } from '../../src/signing-keys/ring.ts'
import { openSigner, sealPrivateKey } from '../../src/signing-keys/sealing.ts'
import { type Algorithm, algorithms } from '../../src/signing-keys/signer.ts'
import { createSigner as createWebCryptoSigner } from '../../src/signing-keys/webcrypto-signer.ts'

let keyEncryption: KeyEncryption
beforeAll(async () => {
  keyEncryption = await createKeyEncryption({ kek: generateRawKek() })
})

async function storedKey(algorithm: Algorithm, pair: KeyPair, sealed = pair.privateJwk): Promise<RingKey> {
  const at = new Date(0)
  const identity = { kid: pair.kid, purpose: 'token', algorithm } as const
  const sealedPrivateKey = await sealPrivateKey(keyEncryption, identity, sealed)
  const unused = {
    origin: 'generated',
    createdBy: 'system',
    revokedBy: null,
    revocationReason: null,
    revokedAt: null,
  } as const
  return { ...identity, ...unused, publicJwk: pair.publicJwk, sealedPrivateKey, createdAt: at, publishedAt: at }
}

const platforms = [
  ['node:crypto', nodePlatform()],
  ['WebCrypto', { createSigner: createWebCryptoSigner }],
] as const

describe.each(platforms)('a sealed key opened for %s', (_name, platform) => {
  describe.each(algorithms)('of %s', (algorithm) => {
    test('signs', async () => {
      const pair = await generateKeyPair(algorithm)
      const { kid, sign } = await openSigner(await storedKey(algorithm, pair), { keyEncryption, platform })
      expect(kid).toBe(pair.kid)
      expect(await sign('a.b')).toMatch(/^[\w-]{80,}$/)
    })

    test('is refused when it is the private part of another key, whatever public part it claims', async () => {
      const pair = await generateKeyPair(algorithm)
      const other = await generateKeyPair(algorithm)
      const asItIs = await storedKey(algorithm, pair, other.privateJwk)
      const disguised = await storedKey(algorithm, pair, { ...other.privateJwk, ...pair.publicJwk })
      for (const key of [asItIs, disguised]) {
        const refusal = await openSigner(key, { keyEncryption, platform }).catch((error: unknown) => error)
        expect(refusal).toBeInstanceOf(Error)
        expect(String(refusal)).not.toContain(other.privateJwk.d.slice(0, 12))
      }
    })

    test('does not open under another algorithm, purpose or kid', async () => {
      const key = await storedKey(algorithm, await generateKeyPair(algorithm))
      const another = algorithms.find((name) => name !== algorithm) ?? 'ES256'
      const changes = [{ algorithm: another }, { purpose: 'record' as const }, { kid: key.kid.toLowerCase() }]
      for (const change of changes) {
        await expect(openSigner({ ...key, ...change }, { keyEncryption, platform })).rejects.toThrow()
      }
    })
  })
})
