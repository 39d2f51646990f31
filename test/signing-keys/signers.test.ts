import { calculateJwkThumbprint, compactVerify, importJWK } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { decodeBase64Url } from '../../src/crypto/base64.ts'
import { createSigner as createNodeSigner, signatureFromDer } from '../../src/signing-keys/der-signer.node.ts'
import { signJwt } from '../../src/signing-keys/jwt.ts'
import { generateKeyPair, type KeyPair, publicMembers, thumbprint } from '../../src/signing-keys/key-pair.ts'
import { createSigner as createWebCryptoSigner } from '../../src/signing-keys/webcrypto-signer.ts'

let pair: KeyPair
let publicKey: Awaited<ReturnType<typeof importJWK>>

beforeAll(async () => {
  pair = await generateKeyPair('ES256')
  publicKey = await importJWK(pair.publicJwk, 'ES256')
})

describe.each([
  ['WebCrypto', createWebCryptoSigner],
  ['node:crypto DER', createNodeSigner],
])('signer by %s', (_name, createSigner) => {
  test('every signature is 64 bytes that jose accepts, short r and s included', async () => {
    const sign = await createSigner('ES256', pair.privateJwk)
    let leadingZero = 0
    for (let round = 0; round < 40; round++) {
      const inputs = Array.from({ length: 100 }, (_, index) => `${header}.${btoa(`${round} ${index}`).replaceAll('=', '')}`)
      await Promise.all(
        inputs.map(async (input) => {
          const signature = await sign(input)
          const bytes = decodeBase64Url(signature)
          expect(bytes).toHaveLength(64)
          if (bytes?.[0] === 0 || bytes?.[32] === 0) leadingZero++
          await compactVerify(`${input}.${signature}`, publicKey)
        }),
      )
    }
    // One in 128 has a half that starts with a zero byte; none in 4000 happens once in 10¹³ runs.
    expect(leadingZero).toBeGreaterThan(0)
  })

  test('a changed input does not carry the signature', async () => {
    const sign = await createSigner('ES256', pair.privateJwk)
    await expect(compactVerify(`${header}.AAAB.${await sign(`${header}.AAAA`)}`, publicKey)).rejects.toThrow('signature')
  })

  test('a JWT holds the claims as given, also beyond ASCII, and a header of alg, kid and typ', async () => {
    const signer = { kid: pair.kid, algorithm: 'ES256', sign: await createSigner('ES256', pair.privateJwk) } as const
    const claims = { sub: 'é 🔑 \u2028 "\\', jti: '>>>???', n: 1, list: ['a'] }
    for (const typ of ['at+jwt', 'other+jwt', 'at+jwt']) {
      const { payload, protectedHeader } = await compactVerify(await signJwt(signer, typ, claims), publicKey)
      expect(protectedHeader).toEqual({ alg: 'ES256', kid: pair.kid, typ })
      expect(JSON.parse(new TextDecoder().decode(payload))).toEqual(claims)
    }
  })

  test('a public key alone is refused', async () => {
    await expect(createSigner('ES256', pair.publicJwk)).rejects.toThrow()
  })

  test('a key on another curve is refused', async () => {
    const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, ['sign', 'verify'])
    await expect(createSigner('ES256', await crypto.subtle.exportKey('jwk', privateKey))).rejects.toThrow()
  })
})

test('on Node a JWT is signed without a promise', async () => {
  const signer = { kid: pair.kid, algorithm: 'ES256', sign: await createNodeSigner('ES256', pair.privateJwk) } as const
  expect(signJwt(signer, 'at+jwt', {})).toBeTypeOf('string')
})

describe('r‖s of a DER signature', () => {
  const half = (hex: string) => hex.padStart(64, '0')
  const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'

  test.each([
    ['the shortest', '01', '01'],
    ['one byte with its high bit set', '80', 'ff'],
    ['r of 32 bytes, s of 32 bytes', '7f'.repeat(32), '01'.repeat(32)],
    ['r with its high bit set', 'ff'.repeat(32), '01'.repeat(32)],
    ['s with its high bit set', '01'.repeat(32), '80'.repeat(32)],
    ['both with their high bit set (72 bytes)', 'ff'.repeat(32), 'fe'.repeat(32)],
    ['r one byte short', '7f'.repeat(31), 'fe'.repeat(32)],
    ['s one byte short, its high bit set', 'fe'.repeat(32), '80'.repeat(31)],
    ['both many bytes short', 'ab'.repeat(12), '0100'],
    ['the order less one', `${order.slice(0, -1)}0`, `${order.slice(0, -1)}0`],
  ])('is right for %s', (_name, r, s) => {
    expect(signatureFromDer(derOf(r, s)).toString('hex')).toBe(half(r) + half(s))
  })

  const good = derOf('ff'.repeat(32), '7f'.repeat(32))
  test.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['another type', Buffer.concat([Buffer.from([0x31]), good.subarray(1)])],
    ['a byte behind', Buffer.concat([good, Buffer.from([0])])],
    ['a wrong length', Buffer.concat([good.subarray(0, 1), Buffer.from([2]), good.subarray(2)])],
    ['an empty integer', Buffer.from([0x30, 4, 2, 0, 2, 0])],
    ['only a zero', Buffer.from([0x30, 6, 2, 1, 0, 2, 1, 0])],
    ['33 bytes of number', derOf('7f'.repeat(33), '01')],
    ['an integer longer than the sequence', Buffer.from([0x30, 6, 2, 1, 1, 2, 9, 1])],
    ['r only', Buffer.from([0x30, 3, 2, 1, 1])],
  ])('is refused for %s', (_name, der) => {
    expect(() => signatureFromDer(der)).toThrow('DER')
  })

  test('is refused for every truncation', () => {
    for (let length = 0; length < good.length; length++) expect(() => signatureFromDer(good.subarray(0, length))).toThrow('DER')
  })
})

describe('kid', () => {
  test('is the RFC 7638 thumbprint: SHA-256 over the required members in order, without blanks', async () => {
    const { crv, kty, x, y } = pair.publicJwk
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`{"crv":"${crv}","kty":"${kty}","x":"${x}","y":"${y}"}`))
    expect(pair.kid).toBe(Buffer.from(digest).toString('base64url'))
    expect(pair.kid).toBe(await calculateJwkThumbprint(pair.privateJwk, 'sha256'))
  })

  test('does not depend on members beside the required ones', async () => {
    expect(await thumbprint({ ...pair.publicJwk, kid: 'x', alg: 'ES256', use: 'sig' })).toBe(pair.kid)
  })

  test('public members leave everything private behind, whatever it is called', () => {
    const crowded = { ...pair.privateJwk, p: 'p', q: 'q', dp: 'dp', dq: 'dq', qi: 'qi', oth: [], k: 'k', secret: 's' }
    expect(Object.keys(publicMembers(crowded)).sort()).toEqual(['crv', 'kty', 'x', 'y'])
  })

  test.each([{ kty: 'oct', k: 'AA' }, { kty: 'EC', crv: 'P-256', x: 'AA' }, { kty: 'EC', crv: 'P-256', x: '', y: 'AA' }, {}])(
    'what is no EC public key is refused: %j',
    (jwk) => {
      expect(() => publicMembers(jwk)).toThrow(TypeError)
    },
  )
})

const header = btoa('{"alg":"ES256"}').replaceAll('=', '')

/** DER of two positive integers in hexadecimal, as short as they can be but for the zero before a high bit. */
function derOf(r: string, s: string): Buffer {
  const integer = (hex: string) => {
    const bytes = Buffer.from(hex, 'hex')
    const content = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes
    return Buffer.concat([Buffer.from([2, content.length]), content])
  }
  const content = Buffer.concat([integer(r), integer(s)])
  return Buffer.concat([Buffer.from([0x30, content.length]), content])
}
