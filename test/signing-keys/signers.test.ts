import { readFile } from 'node:fs/promises'
import { compactVerify, importJWK } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { readBase64url } from '../../src/kit/base64url.ts'
import { signJwt } from '../../src/signing-keys/jwt.ts'
import { generateKeyPair, type KeyPair } from '../../src/signing-keys/key-pair.ts'
import { createSigner as createNodeSigner } from '../../src/signing-keys/openssl-signer.node.ts'
import { type Algorithm, algorithms } from '../../src/signing-keys/signer.ts'
import { createSigner as createWebCryptoSigner } from '../../src/signing-keys/webcrypto-signer.ts'
import { ed25519Key, ed25519Signature, rsaKey, rsaSignature } from './rfc-keys.ts'

const pairs = new Map<Algorithm, KeyPair>()
/** Types, curves and lengths that no algorithm accepts. */
let strangeKeys: JsonWebKey[]

beforeAll(async () => {
  for (const algorithm of algorithms) {
    // Generating an RSA key is the slowest step here, and the two algorithms differ only in padding: they share one.
    const known = algorithm === 'PS256' ? pairs.get('RS256') : undefined
    pairs.set(algorithm, known ?? (await generateKeyPair(algorithm)))
  }
  strangeKeys = await makeStrangeKeys()
})

function pairOf(algorithm: Algorithm): KeyPair {
  const pair = pairs.get(algorithm)
  if (!pair) throw new Error('made before the tests')
  return pair
}

const bytes: Record<Algorithm, number> = { ES256: 64, EdDSA: 64, RS256: 256, PS256: 256, ES384: 96 }

/**
 * At most this many signatures. ECDSA needs one with a leading zero byte in each half, one in 256: too few happens once
 * in millions of runs.
 */
const rounds: Record<Algorithm, number> = { ES256: 40, EdDSA: 5, RS256: 1, PS256: 1, ES384: 40 }

describe.each([
  ['WebCrypto', createWebCryptoSigner],
  ['node:crypto', createNodeSigner],
])('a signer by %s', (_name, createSigner) => {
  describe.each(algorithms)('for %s', (algorithm) => {
    const header = btoa(JSON.stringify({ alg: algorithm })).replaceAll('=', '')

    test('makes signatures of one length that jose accepts, including numbers with leading zeros', {
      timeout: 60_000,
    }, async () => {
      const pair = pairOf(algorithm)
      const publicKey = await importJWK(pair.publicJwk, algorithm)
      const sign = await createSigner(algorithm, pair.privateJwk)
      const half = bytes[algorithm] / 2
      const isEcdsa = algorithm.startsWith('ES')
      let [firstHalves, secondHalves] = [0, 0]
      for (let round = 0; round < rounds[algorithm] && !(isEcdsa && firstHalves > 0 && secondHalves > 0); round++) {
        const inputs = Array.from(
          { length: 100 },
          (_, index) => `${header}.${btoa(`${round} ${index}`).replaceAll('=', '')}`,
        )
        await Promise.all(
          inputs.map(async (input) => {
            const signature = await sign(input)
            const decoded = readBase64url(signature)
            expect(decoded).toHaveLength(bytes[algorithm])
            if (decoded?.[0] === 0) firstHalves++
            if (decoded?.[half] === 0) secondHalves++
            await compactVerify(`${input}.${signature}`, publicKey)
          }),
        )
      }
      if (isEcdsa) expect(Math.min(firstHalves, secondHalves)).toBeGreaterThan(0)
    })

    test('signs exactly the given text', async () => {
      const pair = pairOf(algorithm)
      const sign = await createSigner(algorithm, pair.privateJwk)
      const forged = `${header}.AAAB.${await sign(`${header}.AAAA`)}`
      await expect(compactVerify(forged, await importJWK(pair.publicJwk, algorithm))).rejects.toThrow('signature')
    })

    test('makes a JWT with the claims as given, including non-ASCII text, and a header of alg, kid and typ', async () => {
      const pair = pairOf(algorithm)
      const signer = { kid: pair.kid, algorithm, sign: await createSigner(algorithm, pair.privateJwk) }
      const claims = { sub: 'é 🔑 \u2028 "\\', jti: '>>>???', n: 1, list: ['a'] }
      for (const typ of ['at+jwt', 'other+jwt', 'at+jwt']) {
        const token = await signJwt(signer, typ, claims)
        const { payload, protectedHeader } = await compactVerify(token, await importJWK(pair.publicJwk, algorithm))
        expect(protectedHeader).toEqual({ alg: algorithm, kid: pair.kid, typ })
        expect(JSON.parse(new TextDecoder().decode(payload))).toEqual(claims)
      }
    })

    test('refuses a public key, and the keys of all other types, curves and lengths', async () => {
      await expect(createSigner(algorithm, pairOf(algorithm).publicJwk)).rejects.toThrow()
      for (const other of algorithms.filter((name) => kindOf(name) !== kindOf(algorithm))) {
        await expect(createSigner(algorithm, pairOf(other).privateJwk), other).rejects.toThrow()
      }
      for (const strange of strangeKeys) await expect(createSigner(algorithm, strange), strange.crv).rejects.toThrow()
    })

    test('does not reveal a key that it refuses', async () => {
      const { privateJwk } = pairOf(algorithm)
      const damaged = {
        ...privateJwk,
        n: 'AQAB',
        x: 'AQAB',
        crv: privateJwk.kty === 'OKP' ? 'Ed448' : (privateJwk.crv ?? ''),
      }
      const refusal = await Promise.resolve(createSigner(algorithm, damaged)).catch((error: unknown) => error)
      expect(refusal).toBeInstanceOf(Error)
      expect(String(refusal)).not.toContain(privateJwk.d.slice(0, 12))
    })
  })

  test('makes the signature of RFC 7515 A.2 by RS256', async () => {
    expect(await (await createSigner('RS256', rsaKey))(rsaSignature.input)).toBe(rsaSignature.signature)
  })

  test('makes the signature of RFC 8037 A.4 by EdDSA', async () => {
    expect(await (await createSigner('EdDSA', ed25519Key))(ed25519Signature.input)).toBe(ed25519Signature.signature)
  })

  test('salts PS256: the same text never has the same signature', async () => {
    const sign = await createSigner('PS256', rsaKey)
    expect(new Set([await sign('a'), await sign('a'), await sign('a')]).size).toBe(3)
  })
})

describe('on Node', () => {
  test.each(['ES256', 'EdDSA'] as const)('%s signs without a promise', async (algorithm) => {
    const { kid, privateJwk } = pairOf(algorithm)
    const signer = { kid, algorithm, sign: await createNodeSigner(algorithm, privateJwk) }
    expect(signJwt(signer, 'at+jwt', {})).toBeTypeOf('string')
  })

  test.each(['RS256', 'PS256', 'ES384'] as const)('the event loop goes on while %s signs', async (algorithm) => {
    const sign = await createNodeSigner(algorithm, pairOf(algorithm).privateJwk)
    const order: string[] = []
    // The loop runs immediates first and finished work afterwards; a blocking signature would be finished before both.
    await readFile(import.meta.filename)
    const signed = Promise.resolve(sign('a.b')).then(() => order.push('signed'))
    const turned = new Promise<void>((resolve) => setImmediate(resolve)).then(() => order.push('turned'))
    await Promise.all([signed, turned])
    expect(order).toEqual(['turned', 'signed'])
  })
})

/** RS256 and PS256 differ in padding, not in keys: the ring ensures that one key serves only one of them. */
function kindOf(algorithm: Algorithm): string {
  return algorithm === 'PS256' ? 'RS256' : algorithm
}

async function makeStrangeKeys(): Promise<JsonWebKey[]> {
  const short = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]) }
  const pairs = [
    await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-521' }, true, ['sign']),
    await crypto.subtle.generateKey({ ...short, modulusLength: 1024 }, true, ['sign']),
    await crypto.subtle.generateKey({ ...short, modulusLength: 2040 }, true, ['sign']),
  ]
  const jwks = await Promise.all(pairs.map(({ privateKey }) => crypto.subtle.exportKey('jwk', privateKey)))
  return [...jwks, { kty: 'oct', k: 'A'.repeat(43) }]
}
