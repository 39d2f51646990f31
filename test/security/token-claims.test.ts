import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  audience,
  createTestApp,
  createTestIssuer,
  createTestVerifier,
  encodePart,
  issuerUrl,
  outcome,
  startSeconds,
  type TestIssuer,
} from '../support/test-issuer.ts'

/** Tokens that our key signed and that must still be refused. */
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

const refused = '401 invalid_token'

describe('A6 · kid', () => {
  const kids = [
    '../../etc/passwd',
    "' OR 1=1--",
    'k'.repeat(65_536),
    'a\0b',
    '🔑',
    ['ES256-key'],
    1,
    undefined,
    '__proto__',
    'constructor',
  ]
  test.each(kids.map((kid) => [String(kid).slice(0, 20), kid]))('A6 · %s is refused', async (_, kid) => {
    expect(await outcome(target.verify, await issuer.token({ header: { kid } }))).toMatch(
      /^invalid_token (kid|unknown_key|too_long)$/,
    )
  })
})

describe('A11, A12 · typ', () => {
  test.each([
    undefined,
    'JWT',
    'secevent+jwt',
    'statuslist+jwt',
    'dpop+jwt',
    'mintage-revocations-v2+jwt',
    'at+jwt; v=1',
    'at+jwt;',
    'application/at+jwt; charset=utf-8',
  ])('A11, A12 · a token of the same issuer and key with typ %j is refused', async (typ) => {
    expect(await answer(await issuer.token({ header: { typ } }))).toBe(refused)
  })

  test.each(['AT+JWT', 'application/at+jwt'])('A11 · typ %s is accepted', async (typ) => {
    expect(await answer(await issuer.token({ header: { typ } }))).toBe('200')
  })

  test('A12 · an ID token, a session and a webhook of the same key are refused', async () => {
    const idToken = {
      iss: issuerUrl,
      sub: 'user',
      aud: audience,
      iat: startSeconds,
      exp: startSeconds + 60,
      nonce: 'x',
    }
    expect(await answer(await issuer.sign({ ...issuer.header, typ: 'JWT' }, idToken))).toBe(refused)
    expect(await answer(await issuer.sign(issuer.header, idToken))).toBe(refused)
    expect(await answer(await issuer.sign(issuer.header, { ...idToken, data: { type: 'api_key.revoked' } }))).toBe(
      refused,
    )
  })
})

describe('A13 · other containers', () => {
  test('A13 · JWE, JSON serialization and a nested token are refused', async () => {
    const token = await issuer.token()
    const [header, payload, signature] = token.split('.')
    const jwe = [encodePart({ alg: 'RSA-OAEP', enc: 'A256GCM' }), payload, 'AAAA', payload, 'AAAA'].join('.')
    const json = JSON.stringify({ payload, signatures: [{ protected: header, signature }] })
    const nested = await issuer.sign({ ...issuer.header, cty: 'JWT' }, token)
    for (const text of [jwe, json, nested, await issuer.sign(issuer.header, token)]) {
      expect(await outcome(target.verify, text)).toMatch(/^invalid_token (malformed|header_parameter)$/)
    }
  })
})

test.each([
  'https://other.example',
  `${audience}.evil`,
  'HTTPS://API.EXAMPLE',
  `${audience}/`,
  [audience, null],
  [audience, 1],
  [],
  '',
  undefined,
  [['https://api.example']],
  { [audience]: true },
])('A14 · aud %j is refused', async (aud) => {
  expect(await answer(await issuer.token({ claims: { aud } }))).toBe(refused)
})

test.each([
  `${issuerUrl}/`,
  'https://AUTH.example',
  'http://auth.example',
  'https://аuth.example',
  'https://auth.example/tenant',
  undefined,
])('A15 · iss %j is refused although the key is the same', async (iss) => {
  expect(await answer(await issuer.token({ claims: { iss } }))).toBe(refused)
})

describe('A16 · exp', () => {
  test.each(['"soon"', '1795176900.5', '1e400', '-1', '9007199254740993', 'null', '[]', '1795176000'])(
    'A16 · exp %s is refused',
    async (exp) => {
      const payload = JSON.stringify({ ...issuer.claims(), exp: 0 }).replace('"exp":0', `"exp":${exp}`)
      const { verify } = createTestVerifier(issuer, { clockToleranceSeconds: 0 })
      expect(await outcome(verify, await issuer.sign(issuer.header, payload))).toMatch(
        /^invalid_token (claim_missing_or_malformed|expired)$/,
      )
    },
  )

  test('A16 · exp beyond the leeway, a missing exp, and a lifetime beyond the policy are refused', async () => {
    expect(await answer(await issuer.token({ claims: { iat: startSeconds - 900, exp: startSeconds - 31 } }))).toBe(
      refused,
    )
    expect(await answer(await issuer.token({ claims: { exp: undefined } }))).toBe(refused)
    expect(await answer(await issuer.token({ claims: { exp: startSeconds + 3600 } }))).toBe('200')
    expect(await answer(await issuer.token({ claims: { exp: startSeconds + 3601 } }))).toBe(refused)
    expect(await answer(await issuer.token({ claims: { exp: Number.MAX_SAFE_INTEGER } }))).toBe(refused)
    expect(await answer(await issuer.token({ claims: { iat: startSeconds, exp: startSeconds } }))).toBe(refused)
  })
})

test.each([
  { nbf: startSeconds + 31 },
  { iat: startSeconds + 31 },
  { iat: undefined },
  { iat: 'now' },
  { nbf: 'now' },
  { nbf: -1 },
])('A17 · %j is refused', async (claims) => {
  expect(await answer(await issuer.token({ claims }))).toBe(refused)
})

test.each([
  { env: 'test' },
  { env: 'LIVE' },
  { env: undefined },
  { key_version: 0 },
  { key_version: '1' },
  { key_version: 1.5 },
  { jti: '' },
  { jti: 'a b' },
  { client_id: 'a\nb' },
  { org_id: 'org a' },
  { org_id: {} },
  { sub: '' },
  { sub: 'a\u0000b' },
  { sub: '\ud800' },
  { sub: 'x'.repeat(257) },
])('a token with %j is refused', async (claims) => {
  expect(await answer(await issuer.token({ claims }))).toBe(refused)
})

test('a verifier for test keys refuses live ones', async () => {
  const { verify } = createTestVerifier(issuer, { environment: 'test' })
  expect(await outcome(verify, await issuer.token())).toBe('invalid_token environment')
  expect(await outcome(verify, await issuer.token({ claims: { env: 'test' } }))).toBe('accepted')
})

describe('A21 · encodings', () => {
  const json = () => JSON.stringify(issuer.claims())
  test.each<[string, () => Uint8Array]>([
    ['a byte order mark', () => Buffer.from(`\ufeff${json()}`)],
    ['UTF-16LE', () => Buffer.from(json(), 'utf16le')],
    ['UTF-16BE', () => Buffer.from(json(), 'utf16le').swap16()],
    [
      'an invalid byte',
      () => Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xff]), Buffer.from(`",${json().slice(1)}`)]),
    ],
    [
      'an overlong quote',
      () => Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xc0, 0xa2]), Buffer.from(`",${json().slice(1)}`)]),
    ],
    [
      'an encoded surrogate',
      () =>
        Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from(`",${json().slice(1)}`)]),
    ],
  ])('A21 · %s in the payload is refused', async (_, payload) => {
    expect(await answer(await issuer.sign(issuer.header, payload()))).toBe(refused)
  })
})

describe('A22 · scope', () => {
  test.each([
    ['list', ['orders:read']],
    ['object', {}],
    ['tab', 'orders:read\torders:write'],
    ['no-break space', 'a\u00a0b'],
    ['fullwidth letters', 'ｏrders:read'],
    ['NUL', 'admin\u0000'],
    ['backslash', 'a\\b'],
  ])('A22 · a %s is refused', async (_, scope) => {
    expect(await answer(await issuer.token({ claims: { scope } }))).toBe(refused)
  })

  test('A22 · ten thousand scopes do not fit into a token', async () => {
    const scope = Array.from({ length: 10_000 }, (_, index) => `s${index}`).join(' ')
    expect(await answer(await issuer.token({ claims: { scope } }))).toBe(refused)
  })

  test.each([
    ['read', 'readonly'],
    ['read', 'orders:read'],
    ['admin', 'not-admin'],
  ])('A22 · a route for %s does not take %s', async (needed, held) => {
    const guarded = createTestApp(target.verify, needed)
    expect(await guarded.answer(await issuer.token({ claims: { scope: held } }))).toBe('403 insufficient_scope')
  })
})

describe('A23 · names with a meaning in JavaScript', () => {
  test('A23 · __proto__ is refused at any depth, constructor is data, and no prototype changes', async () => {
    const claims = issuer.claims()
    const withMember = (member: string) => JSON.stringify(claims).replace('{', `{${member},`)
    const sign = async (member: string) => await issuer.sign(issuer.header, withMember(member))
    expect(await answer(await sign('"__proto__":{"isAdmin":true}'))).toBe(refused)
    expect(await answer(await sign('"plan":[{"__proto__":{"isAdmin":true}}]'))).toBe(refused)
    expect(await answer(await sign('"constructor":{"prototype":{"isAdmin":true}}'))).toBe('200')
    expect(await answer(await sign('"hasOwnProperty":1,"toString":2,"then":3'))).toBe('200')
    expect(Object({}).isAdmin).toBeUndefined()
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('isAdmin')
  })

  test('A23 · claims are not read from a prototype', async () => {
    expect(await answer(await issuer.token({ claims: { scope: undefined, toString: undefined } }))).toBe('200')
    const token = await target.verify(await issuer.token({ claims: { scope: undefined } }))
    expect(token.scopes.has('constructor')).toBe(false)
  })
})
