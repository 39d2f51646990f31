import { exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT } from 'jose'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { VerificationAlgorithm } from '../../src/verify/jwk.ts'
import { createTestApp, createTestIssuer, createTestVerifier, encodePart, outcome, type TestIssuer } from '../verify/issuer.ts'

/** Tokens that nobody signed, or somebody else did. */
let issuer: TestIssuer
let target: ReturnType<typeof createTestVerifier>
let answer: (token: string) => Promise<string>
beforeAll(async () => {
  issuer = await createTestIssuer()
})
beforeEach(() => {
  target = createTestVerifier(issuer)
  answer = createTestApp(target.verify).answer
})

const every: readonly VerificationAlgorithm[] = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'RS256', 'PS256']

describe('A1, A2 · alg none', () => {
  test.each(['none', 'None', 'nOnE', 'NONE', 'none ', ''])(
    'A1, A2 · alg %j is refused, with a signature, without, and without its part',
    async (alg) => {
      const [, payload, signature] = (await issuer.token()).split('.')
      const header = encodePart({ ...issuer.header, alg })
      for (const text of [
        `${header}.${payload}.`,
        `${header}.${payload}`,
        `${header}.${payload}.${signature}`,
        `${header}.${payload}.AAAA`,
      ]) {
        expect(await answer(text)).toBe('401 invalid_token')
      }
      const { verify } = createTestVerifier(issuer, { algorithms: every })
      expect(await outcome(verify, `${header}.${payload}.${signature}`)).toBe('invalid_token algorithm')
    },
  )

  test('A1 · a token whose signature was cut away is refused', async () => {
    const [header, payload] = (await issuer.token()).split('.')
    expect(await answer(`${header}.${payload}.`)).toBe('401 invalid_token')
    expect(await answer(`${header}.${payload}`)).toBe('401 invalid_token')
  })
})

describe('A3 · HS256 with our public key as the secret', () => {
  test.each(['HS256', 'HS384', 'HS512'])('A3 · %s is refused whatever the key is written as', async (alg) => {
    const key = await importJWK(issuer.publicJwk, 'ES256', { extractable: true })
    if (key instanceof Uint8Array) throw new Error('not a public key')
    const pem = await exportSPKI(key)
    const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
    const { x, y, crv, kty } = issuer.publicJwk
    const texts = [
      pem,
      pem.trim(),
      `\n${pem}`,
      ` ${pem}`,
      `${pem}\n\n`,
      JSON.stringify(issuer.publicJwk),
      JSON.stringify({ crv, kty, x, y }),
      x ?? '',
    ]
    for (const secret of [der, ...texts.map((text) => Buffer.from(text))]) {
      const token = await new SignJWT(issuer.claims()).setProtectedHeader({ ...issuer.header, alg }).sign(pad(secret))
      expect(await answer(token)).toBe('401 invalid_token')
    }
  })
})

describe('A4 · the algorithm is changed while the kid stays', () => {
  test.each(['ES384', 'RS256', 'PS256', 'EdDSA', 'Ed25519', 'ES512', 'ES256K', 'HS256'])(
    'A4 · %s is refused, even where it is allowed',
    async (alg) => {
      const { verify } = createTestVerifier(issuer, { algorithms: every })
      expect(await outcome(verify, await issuer.token({ header: { alg } }))).toBe('invalid_token algorithm')
      expect(await answer(await issuer.token({ header: { alg } }))).toBe('401 invalid_token')
    },
  )
})

describe('A5 · signatures that no key made', () => {
  const n = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'
  const zero = '00'.repeat(32)
  const one = `${'00'.repeat(31)}01`
  test.each([
    ['r = s = 0', zero + zero],
    ['r = 0', zero + one],
    ['s = 0', one + zero],
    ['r = s = 1', one + one],
    ['r = n', n + one],
    ['s = n', one + n],
    ['r = s = n', n + n],
    ['all ones', 'ff'.repeat(64)],
    ['63 bytes', '11'.repeat(63)],
    ['65 bytes', '11'.repeat(65)],
    ['1 byte', '00'],
    ['DER of zeros', '3006020100020100'],
    ['1000 bytes', '11'.repeat(1000)],
  ])('A5 · %s is refused', async (_, hex) => {
    const [header, payload] = (await issuer.token()).split('.')
    const forged = `${header}.${payload}.${Buffer.from(hex, 'hex').toString('base64url')}`
    expect(await outcome(target.verify, forged)).toBe('invalid_token signature')
    expect(await answer(forged)).toBe('401 invalid_token')
  })

  test('A5 · the right signature in DER, one byte short, one byte long, or with s replaced by n - s is not taken for the same text', async () => {
    const token = await issuer.token()
    const cut = token.lastIndexOf('.')
    const bytes = Buffer.from(token.slice(cut + 1), 'base64url')
    const der = Buffer.concat([Buffer.from('30440220', 'hex'), bytes.subarray(0, 32), Buffer.from('0220', 'hex'), bytes.subarray(32)])
    for (const other of [der, bytes.subarray(0, 63), Buffer.concat([bytes, Buffer.alloc(1)]), Buffer.concat([Buffer.alloc(1), bytes])]) {
      expect(await answer(`${token.slice(0, cut)}.${other.toString('base64url')}`)).toBe('401 invalid_token')
    }
  })

  test('A5 · a second valid spelling of a signature does not revive a revoked token', async () => {
    const token = await issuer.token({ claims: { jti: 'revoked' } })
    const cut = token.lastIndexOf('.')
    const bytes = Buffer.from(token.slice(cut + 1), 'base64url')
    const s = BigInt(`0x${n}`) - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
    const twin = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')])
    const text = `${token.slice(0, cut)}.${twin.toString('base64url')}`
    expect(await outcome(target.verify, text)).toBe('accepted')
    target.revocations.revoke({ kind: 'token', value: 'revoked' })
    expect(await outcome(target.verify, token)).toBe('invalid_token revoked')
    expect(await outcome(target.verify, text)).toBe('invalid_token revoked')
  })
})

test('a token of a stranger with our kid is refused', async () => {
  const stranger = await createTestIssuer('ES256', issuer.kid)
  expect(await outcome(target.verify, await stranger.token())).toBe('invalid_token signature')
})

describe('A7, A8 · keys that the token brings along', () => {
  test.each(['jku', 'x5u'])('A7 · %s causes no request', async (name) => {
    let requests = 0
    const original = globalThis.fetch
    globalThis.fetch = async () => {
      requests += 1
      return Response.json({ keys: [] })
    }
    try {
      expect(await answer(await issuer.token({ header: { [name]: 'https://evil.example/keys' } }))).toBe('401 invalid_token')
    } finally {
      globalThis.fetch = original
    }
    expect(requests).toBe(0)
  })

  test('A8 · a header with the attacker’s key and a right signature by it is refused', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    const jwk = { ...(await exportJWK(publicKey)), kid: issuer.kid, alg: 'ES256' }
    for (const extra of [{ jwk }, { x5c: ['MIIB'] }, { jwk, kid: undefined }, { jwk, kid: 'attacker' }]) {
      const header = { ...issuer.header, ...extra }
      const input = `${encodePart(header)}.${encodePart(issuer.claims())}`
      const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, Buffer.from(input))
      expect(await answer(`${input}.${encodePart(new Uint8Array(signature))}`)).toBe('401 invalid_token')
    }
  })
})

test.each([{ crit: ['x'] }, { crit: [] }, { crit: ['exp'], exp: 1 }, { crit: ['b64'], b64: false }, { b64: false }])(
  'A9 · %j is refused',
  async (header) => {
    expect(await answer(await issuer.token({ header }))).toBe('401 invalid_token')
  },
)

test.each(['alg', 'kid', 'typ'])('A10 · %s twice in the header is refused', async (name) => {
  const json = JSON.stringify(issuer.header)
  const value = JSON.stringify(Object(issuer.header)[name])
  for (const header of [json.replace('{', `{"${name}":${value},`), json.replace('}', `,"${name}":${value}}`)]) {
    expect(await outcome(target.verify, await issuer.sign(header, issuer.claims()))).toBe('invalid_token duplicate_member')
  }
})

test.each(['aud', 'exp', 'scope', 'sub', 'org_id', 'jti'])('A10 · %s twice in a signed payload is refused', async (name) => {
  const json = JSON.stringify(issuer.claims())
  for (const payload of [
    json.replace('{', `{"${name}":"x",`),
    json.replace(/\}$/, `,"${name}":${JSON.stringify(Object(issuer.claims())[name])}}`),
  ]) {
    expect(await outcome(target.verify, await issuer.sign(issuer.header, payload))).toBe('invalid_token duplicate_member')
    expect(await answer(await issuer.sign(issuer.header, payload))).toBe('401 invalid_token')
  }
})

/** jose asks for HMAC secrets as long as the hash. */
function pad(secret: Uint8Array): Uint8Array {
  return secret.length >= 64 ? secret : Buffer.concat([secret, Buffer.alloc(64 - secret.length)])
}
