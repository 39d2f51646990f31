import { exportJWK, generateKeyPair } from 'jose'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { VerificationAlgorithm } from '../../src/kit/key-sets/jwk.ts'
import {
  createTestApp,
  createTestIssuer,
  createTestVerifier,
  encodePart,
  outcome,
  type TestIssuer,
} from '../support/test-issuer.ts'

/** Tokens that are not signed, or that an attacker signed. */
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
    'A1, A2 · alg %j is refused, with a signature, without one, and without its part',
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

  test('A1 · a token without its signature is refused', async () => {
    const [header, payload] = (await issuer.token()).split('.')
    expect(await answer(`${header}.${payload}.`)).toBe('401 invalid_token')
    expect(await answer(`${header}.${payload}`)).toBe('401 invalid_token')
  })
})

describe('A5 · a second valid signature', () => {
  const n = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'

  test('A5 · another encoding of its signature does not revive a revoked token', async () => {
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

test('a token by another key with our kid is refused', async () => {
  const stranger = await createTestIssuer('ES256', issuer.kid)
  expect(await outcome(target.verify, await stranger.token())).toBe('invalid_token signature')
})

describe('A7, A8 · keys inside the token', () => {
  test.each(['jku', 'x5u'])('A7 · %s causes no request', async (name) => {
    let requests = 0
    const original = globalThis.fetch
    globalThis.fetch = async () => {
      requests += 1
      return Response.json({ keys: [] })
    }
    try {
      expect(await answer(await issuer.token({ header: { [name]: 'https://evil.example/keys' } }))).toBe(
        '401 invalid_token',
      )
    } finally {
      globalThis.fetch = original
    }
    expect(requests).toBe(0)
  })

  test('A8 · a header with the attacker’s key and a valid signature by it is refused', async () => {
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
    expect(await outcome(target.verify, await issuer.sign(header, issuer.claims()))).toBe(
      'invalid_token duplicate_member',
    )
  }
})

test.each(['aud', 'exp', 'scope', 'sub', 'org_id', 'jti'])(
  'A10 · %s twice in a signed payload is refused',
  async (name) => {
    const json = JSON.stringify(issuer.claims())
    for (const payload of [
      json.replace('{', `{"${name}":"x",`),
      json.replace(/\}$/, `,"${name}":${JSON.stringify(Object(issuer.claims())[name])}}`),
    ]) {
      expect(await outcome(target.verify, await issuer.sign(issuer.header, payload))).toBe(
        'invalid_token duplicate_member',
      )
      expect(await answer(await issuer.sign(issuer.header, payload))).toBe('401 invalid_token')
    }
  },
)
