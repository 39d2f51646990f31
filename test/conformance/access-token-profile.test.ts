import { beforeAll, describe, expect, test } from 'vitest'
import {
  audience,
  createTestApp,
  createTestIssuer,
  createTestVerifier,
  issuerUrl,
  outcome,
  startSeconds,
  type TestIssuer,
} from '../support/test-issuer.ts'

/** RFC 9068, the resource server's side. For the contents of issued tokens see issued-token.test.ts. */
let issuer: TestIssuer
beforeAll(async () => {
  issuer = await createTestIssuer()
})

async function outcomeOf(changes: { header?: object; claims?: object }, options = {}): Promise<string> {
  const { verify } = createTestVerifier(issuer, options)
  return await outcome(verify, await issuer.token(changes))
}

test('R37 · a token that is not signed is refused', async () => {
  const { verify } = createTestVerifier(issuer)
  const [, payload] = (await issuer.token()).split('.')
  const header = Buffer.from(JSON.stringify({ ...issuer.header, alg: 'none' })).toString('base64url')
  expect(await outcome(verify, `${header}.${payload}.`)).toBe('invalid_token malformed')
  expect(await outcome(verify, `${header}.${payload}.AAAA`)).toBe('invalid_token algorithm')
})

test.each(['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti', 'org_id', 'env', 'key_version'])(
  'R39 · a token without %s is refused',
  async (name) => {
    expect(await outcomeOf({ claims: { [name]: undefined } })).toMatch(/^invalid_token /)
    expect(await outcomeOf({ claims: { [name]: null } })).toMatch(/^invalid_token /)
  },
)

test.each([
  ['a list', ['orders:read']],
  ['an object', { 'orders:read': true }],
  ['a number', 1],
  ['null', null],
  ['two spaces', 'a  b'],
  ['a trailing space', 'a '],
  ['a tab', 'a\tb'],
  ['a no-break space', 'a\u00a0b'],
  ['a quote', 'a"b'],
])('R41 · a token whose scope is %s is refused', async (_, scope) => {
  expect(await outcomeOf({ claims: { scope } })).toBe('invalid_token claim_missing_or_malformed')
})

test('R42 · roles are read from the claim `roles`, which is a list', async () => {
  const { verify } = createTestVerifier(issuer)
  expect([...(await verify(await issuer.token({ claims: { roles: ['admin'] } }))).roles]).toEqual(['admin'])
  expect(await outcomeOf({ claims: { roles: 'admin' } })).toBe('invalid_token claim_missing_or_malformed')
  expect(await outcomeOf({ claims: { roles: [1] } })).toBe('invalid_token claim_missing_or_malformed')
})

describe('R43 · typ', () => {
  test.each(['at+jwt', 'AT+JWT', 'At+Jwt', 'application/at+jwt', 'APPLICATION/AT+JWT'])(
    'R43 · a token whose typ is %s is accepted',
    async (typ) => {
      expect(await outcomeOf({ header: { typ } })).toBe('accepted')
    },
  )

  test.each([
    undefined,
    '',
    'JWT',
    'jwt',
    'at+jwt; charset=utf-8',
    'at+jwt ',
    ' at+jwt',
    'x-at+jwt',
    'application/jwt',
    'text/at+jwt',
    'at+jwt\n',
    ['at+jwt'],
    1,
    null,
  ])('R43 · a token whose typ is %j is refused', async (typ) => {
    expect(await outcomeOf({ header: { typ } })).toBe('invalid_token type')
  })
})

test.each([
  `${issuerUrl}/`,
  issuerUrl.toUpperCase(),
  'https://Auth.example',
  'http://auth.example',
  'https://auth.example:443',
  '',
  [issuerUrl],
  1,
  null,
])('R44 · a token whose iss is %j is refused', async (iss) => {
  expect(await outcomeOf({ claims: { iss } })).toBe('invalid_token issuer')
})

describe('R45 · aud', () => {
  test.each([[audience], [[audience]], [['https://other.example', audience]]])(
    'R45 · a token whose aud is %j is accepted',
    async (aud) => {
      expect(await outcomeOf({ claims: { aud } })).toBe('accepted')
    },
  )

  test.each([
    'https://other.example',
    `${audience}/`,
    `${audience}.evil`,
    audience.slice(0, -1),
    audience.toUpperCase(),
    ` ${audience}`,
    '',
    [],
    [[audience]],
    [audience, null],
    [audience, 1],
    [audience, ''],
    ['https://other.example'],
    { 0: audience, length: 1 },
    null,
    1,
  ])('R45 · a token whose aud is %j is refused', async (aud) => {
    expect(await outcomeOf({ claims: { aud } })).toBe('invalid_token audience')
  })
})

test.each(['none', 'HS256', 'HS512', 'RS256', 'PS256', 'ES384', 'ES512', 'EdDSA', 'ES256K', ''])(
  'R46 · a token with alg %s is refused when the allow-list is ES256',
  async (alg) => {
    expect(await outcomeOf({ header: { alg } }, { algorithms: ['ES256'] })).toBe('invalid_token algorithm')
  },
)

describe('R47 · leeway', () => {
  test.each([
    [{}, 929.999, 'accepted'],
    [{}, 930, 'invalid_token expired'],
    [{ clockToleranceSeconds: 0 }, 899.999, 'accepted'],
    [{ clockToleranceSeconds: 300 }, 1199.999, 'accepted'],
    [{ clockToleranceSeconds: 300 }, 1200, 'invalid_token expired'],
  ])('R47 · with %j a token of 900 seconds is, %f seconds after its issue, %s', async (options, seconds, expected) => {
    const { verify, clock } = createTestVerifier(issuer, options)
    const token = await issuer.token()
    clock.seconds += seconds
    expect(await outcome(verify, token)).toBe(expected)
  })

  test('R47 · a leeway above 300 seconds cannot be configured', () => {
    expect(() => createTestVerifier(issuer, { clockToleranceSeconds: 301 })).toThrow(TypeError)
  })
})

describe('R48 · times', () => {
  const exact = { clockToleranceSeconds: 0 }
  test('R48 · a token is expired at its exp', async () => {
    expect(await outcomeOf({ claims: { iat: startSeconds - 900, exp: startSeconds } }, exact)).toBe(
      'invalid_token expired',
    )
  })

  test('R48 · a token is valid at its nbf, and one second earlier it is not', async () => {
    expect(await outcomeOf({ claims: { nbf: startSeconds } }, exact)).toBe('accepted')
    expect(await outcomeOf({ claims: { nbf: startSeconds + 1 } }, exact)).toBe('invalid_token not_yet_valid')
  })

  test('R48 · an iat further ahead than the leeway is refused', async () => {
    expect(await outcomeOf({ claims: { iat: startSeconds + 30 } })).toBe('accepted')
    expect(await outcomeOf({ claims: { iat: startSeconds + 31 } })).toBe('invalid_token not_yet_valid')
  })
})

describe('R49 · numbers', () => {
  const texts = [
    '"1795176900"',
    '1e400',
    '-1e400',
    '-1',
    '0',
    '1795176900.5',
    '9007199254740993',
    '[1795176900]',
    'true',
    'null',
    '{}',
  ]
  test.each(['exp', 'iat', 'nbf'].flatMap((name) => texts.map((text) => [name, text])))(
    'R49 · %s written as %s is refused',
    async (name, text) => {
      const { verify } = createTestVerifier(issuer, { maxTokenLifetimeSeconds: 31_536_000 })
      const { exp, iat, ...claims } = issuer.claims()
      const instants = { exp, iat, nbf: iat, [String(name)]: 0 }
      const json = JSON.stringify({ ...claims, ...instants }).replace(`"${name}":0`, `"${name}":${text}`)
      expect(await outcome(verify, await issuer.sign(issuer.header, json))).toBe(
        'invalid_token claim_missing_or_malformed',
      )
    },
  )
})

test('R47 · a cached token is refused when it expires, like any other', async () => {
  const { verify, clock } = createTestVerifier(issuer)
  const { answer } = createTestApp(verify)
  const token = await issuer.token()
  expect(await answer(token)).toBe('200')
  clock.seconds += 930
  expect(await answer(token)).toBe('401 invalid_token')
})
