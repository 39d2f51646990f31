import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import type { VerificationAlgorithm } from '../../src/kit/key-sets/jwk.ts'
import {
  createTestIssuer,
  createTestVerifier,
  encodePart,
  issuerUrl,
  outcome,
  type TestIssuer,
} from '../support/test-issuer.ts'

/** RFC 8725 and its successor's draft. */
let issuer: TestIssuer
beforeAll(async () => {
  issuer = await createTestIssuer()
})

const every: readonly VerificationAlgorithm[] = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'RS256', 'PS256']

async function outcomeOf(header: object, claims: object = {}): Promise<string> {
  const { verify } = createTestVerifier(issuer)
  return await outcome(verify, await issuer.token({ header, claims }))
}

describe('R52 · the key determines the algorithm', () => {
  test.each(every)('R52 · %s verifies with a key of that algorithm if it is allowed', async (algorithm) => {
    const signer = await createTestIssuer(algorithm)
    const { verify } = createTestVerifier(signer, { algorithms: [algorithm] })
    expect(await outcome(verify, await signer.token())).toBe('accepted')
  })

  test.each([
    ['RS256', 'PS256'],
    ['PS256', 'RS256'],
  ] as const)('R52 · a token with %s by a key of %s is refused although both are allowed', async (used, declared) => {
    const signer = await createTestIssuer(used)
    const jwks = { keys: [{ ...signer.publicJwk, alg: declared }] }
    const { verify } = createTestVerifier({ jwks }, { algorithms: every })
    expect(await outcome(verify, await signer.token())).toBe('invalid_token algorithm')
  })

  test.each(['ES256', 'EdDSA', 'RS256', 'PS256', 'ES384'] as const)(
    'R52 · %s needs no option: a verifier follows the issuer’s keys, and an allow-list can only restrict them',
    async (algorithm) => {
      const signer = await createTestIssuer(algorithm, 'second')
      const jwks = { keys: [issuer.publicJwk, signer.publicJwk] }
      expect(await outcome(createTestVerifier({ jwks }).verify, await signer.token())).toBe('accepted')
      const others = every.filter((name) => name !== algorithm && !(algorithm === 'EdDSA' && name === 'Ed25519'))
      const { verify } = createTestVerifier({ jwks }, { algorithms: others })
      expect(await outcome(verify, await signer.token())).toBe('invalid_token algorithm')
    },
  )

  test('R52 · a key without an algorithm is ignored', async () => {
    const { alg: _, ...jwk } = issuer.publicJwk
    const { verify } = createTestVerifier({ jwks: Object({ keys: [jwk] }) })
    expect(await outcome(verify, await issuer.token())).toBe('invalid_token unknown_key')
  })
})

test.each(['es256', 'Es256', 'ES256 ', 'noNE', 'NONE', '__proto__', 'constructor', ['ES256'], 1, null, undefined])(
  'R53 · a token with alg %j is refused',
  async (alg) => {
    expect(await outcomeOf({ alg })).toBe('invalid_token algorithm')
  },
)

test.each([
  'rs256',
  'Rs256',
  'ps256',
  'eddsa',
  'EDDSA',
  'ed25519',
  'es384',
  'RS256 ',
  'RS-256',
  'RSA',
  'Ed448',
  'ES256K',
  'HS256',
])('R53 · neither a token nor a key may use %j', async (alg) => {
  for (const algorithm of every) {
    const signer = await createTestIssuer(algorithm)
    const token = await signer.token({ header: { alg } })
    expect(await outcome(createTestVerifier(signer).verify, token)).toBe('invalid_token algorithm')
    const jwks = Object({ keys: [{ ...signer.publicJwk, alg }] })
    expect(await outcome(createTestVerifier({ jwks }).verify, await signer.token())).toBe('invalid_token unknown_key')
  }
})

describe('R54 · the two names of Ed25519', () => {
  test.each(['EdDSA', 'Ed25519'] as const)('R54 · an allow-list with %s accepts both names', async (allowed) => {
    for (const algorithm of ['EdDSA', 'Ed25519'] as const) {
      const signer = await createTestIssuer(algorithm)
      const { verify } = createTestVerifier(signer, { algorithms: [allowed] })
      expect(await outcome(verify, await signer.token())).toBe('accepted')
    }
  })

  test.each([
    ['EdDSA', 'Ed25519'],
    ['Ed25519', 'EdDSA'],
  ] as const)('R54 · a token with %s verifies with a key that says %s', async (used, declared) => {
    const signer = await createTestIssuer(used)
    const { verify } = createTestVerifier(
      { jwks: { keys: [{ ...signer.publicJwk, alg: declared }] } },
      { algorithms: every },
    )
    expect(await outcome(verify, await signer.token())).toBe('accepted')
  })

  test.each(['EdDSA', 'Ed25519'])('R54 · a token with %s is refused for a key of another type', async (alg) => {
    const { verify } = createTestVerifier(issuer, { algorithms: every })
    expect(await outcome(verify, await issuer.token({ header: { alg } }))).toBe('invalid_token algorithm')
  })
})

test('R55 · JWE, nested JWT and JSON serialization are refused', async () => {
  const { verify } = createTestVerifier(issuer)
  const token = await issuer.token()
  const [header, payload, signature] = token.split('.')
  const json = JSON.stringify({ protected: header, payload, signature })
  for (const text of [`${token}.AAAA.AAAA`, json, encodePart(json), JSON.stringify(token)]) {
    expect(await outcome(verify, text)).toBe('invalid_token malformed')
  }
  expect(await outcomeOf({ cty: 'JWT' })).toBe('invalid_token header_parameter')
  expect(await outcomeOf({ enc: 'A256GCM' })).toBe('invalid_token header_parameter')
  expect(await outcomeOf({ zip: 'DEF' })).toBe('invalid_token header_parameter')
})

test.each(['=', '==', ' ', '\n', '\t', '\0', '+', '/', '%41', 'é', '．', '"'])(
  'R56 · a token with %j anywhere in its text is refused',
  async (character) => {
    const { verify } = createTestVerifier(issuer)
    const token = await issuer.token()
    for (const position of [0, 5, token.indexOf('.'), token.length - 5, token.length]) {
      expect(await outcome(verify, token.slice(0, position) + character + token.slice(position))).toBe(
        'invalid_token malformed',
      )
    }
  },
)

describe('R57 · header and payload are UTF-8 JSON objects without duplicates', () => {
  const good = () => JSON.stringify(issuer.claims())
  const header = () => JSON.stringify(issuer.header)
  const bom = '\ufeff'
  test.each<[string, string, () => [string | Uint8Array, string | Uint8Array]]>([
    ['a payload that is a list', 'not_an_object', () => [header(), `[${good()}]`]],
    ['a payload that is text', 'not_an_object', () => [header(), '"claims"']],
    ['a payload that is not JSON', 'malformed', () => [header(), 'claims']],
    ['a header that is a list', 'not_an_object', () => [`[${header()}]`, good()]],
    ['a header that is not JSON', 'malformed', () => ['header', good()]],
    ['a byte order mark before the payload', 'malformed', () => [header(), bom + good()]],
    ['a byte order mark before the header', 'malformed', () => [bom + header(), good()]],
    ['a payload in UTF-16', 'malformed', () => [header(), Buffer.from(good(), 'utf16le')]],
    ['a payload in Latin-1', 'malformed', () => [header(), Buffer.from(good().replace('key_0001', 'ké'), 'latin1')]],
    ['a header in UTF-16', 'malformed', () => [Buffer.from(header(), 'utf16le'), good()]],
    ['aud twice', 'duplicate_member', () => [header(), good().replace('{', '{"aud":"https://evil.example",')]],
    ['alg twice', 'duplicate_member', () => [header().replace('{', '{"alg":"none",'), good()]],
    [
      'a member twice, deep inside',
      'duplicate_member',
      () => [header(), good().replace('{', '{"plan":[{"a":1,"a":2}],')],
    ],
    [
      'a member twice, once spelled with an escape',
      'duplicate_member',
      () => [header(), good().replace('{', '{"\\u0073ub":"key_0009",')],
    ],
  ])('R57 · %s is refused', async (_, reason, make) => {
    const { verify } = createTestVerifier(issuer)
    expect(await outcome(verify, await issuer.sign(...make()))).toBe(`invalid_token ${reason}`)
  })
})

test.each([[['exp']], [['b64']], [[]], ['exp'], [null], [{}]])(
  'R58 · a token with crit %j is refused',
  async (crit) => {
    expect(await outcomeOf({ crit, exp: 1, b64: true })).toBe('invalid_token header_parameter')
    expect(await outcomeOf({ crit })).toBe('invalid_token header_parameter')
  },
)

test.each(['jku', 'x5u', 'jwk', 'x5c'])('R59 · a token with %s in its header is refused', async (name) => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(publicKey)
  const value = { jku: 'https://evil.example/jwks', x5u: 'https://evil.example/cert', jwk, x5c: ['MIIB'] }[name]
  const { verify } = createTestVerifier(issuer)
  expect(await outcome(verify, await issuer.token({ header: { [name]: value } }))).toBe(
    'invalid_token header_parameter',
  )
  const forged = await new SignJWT(issuer.claims())
    .setProtectedHeader({ ...issuer.header, [name]: value })
    .sign(privateKey)
  expect(await outcome(verify, forged)).toBe('invalid_token header_parameter')
})

test.each([
  '',
  '../../etc/passwd',
  "' OR 1=1--",
  'https://evil.example/key',
  'a b',
  'a\u0000',
  'a\n',
  '🔑',
  'k'.repeat(129),
  'k'.repeat(6000),
  ['ES256-key'],
  1,
  null,
  undefined,
  {},
])('R60 · a token with kid %j is refused before any key is looked up', async (kid) => {
  const lookups: string[] = []
  const keys = { holds: () => false, find: (asked: string) => void lookups.push(asked) }
  const { verify } = createTestVerifier(issuer, { keys })
  const token = await issuer.token({ header: { kid } })
  expect(await outcome(verify, token)).toBe(`invalid_token ${token.length > 8192 ? 'too_long' : 'kid'}`)
  expect(lookups).toEqual([])
})

test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
  'R60 · the kid %s is accepted as an ordinary name',
  async (kid) => {
    expect(await outcomeOf({ kid })).toBe('invalid_token unknown_key')
    const signer = await createTestIssuer('ES256', kid)
    expect(await outcome(createTestVerifier(signer).verify, await signer.token())).toBe('accepted')
  },
)

test('R61 · a key of one issuer never validates a token of another', async () => {
  const other = await createTestIssuer('ES256', issuer.kid)
  const otherUrl = 'https://other.example'
  const here = createTestVerifier(issuer)
  const there = createTestVerifier(other, { issuer: otherUrl })
  expect(await outcome(there.verify, await other.token({ claims: { iss: otherUrl } }))).toBe('accepted')
  expect(await outcome(there.verify, await issuer.token({ claims: { iss: otherUrl } }))).toBe('invalid_token signature')
  expect(await outcome(there.verify, await other.token({ claims: { iss: issuerUrl } }))).toBe('invalid_token issuer')
  expect(await outcome(here.verify, await other.token({ claims: { iss: issuerUrl } }))).toBe('invalid_token signature')
})

test.each([
  'JWT',
  'mintage-revocations-v2+jwt',
  'secevent+jwt',
  'statuslist+jwt',
  'dpop+jwt',
  'token-introspection+jwt',
  'logout+jwt',
  'client-authentication+jwt',
])('R62 · a %s by the same key is not accepted as an access token', async (typ) => {
  expect(await outcomeOf({ typ })).toBe('invalid_token type')
})

test('R63 · before the signature is verified, only the kid is used', async () => {
  const { verify } = createTestVerifier(issuer)
  const [header, , signature] = (await issuer.token()).split('.')
  for (const payload of [
    'not json',
    '[]',
    JSON.stringify({ iss: 'https://evil.example' }),
    JSON.stringify({ exp: 0 }),
  ]) {
    expect(await outcome(verify, `${header}.${encodePart(payload)}.${signature}`)).toBe('invalid_token signature')
  }
})

test('R64 · length and parts are checked before decoding', async () => {
  const { verify } = createTestVerifier(issuer)
  expect(await outcome(verify, '.'.repeat(100_000))).toBe('invalid_token too_long')
  expect(await outcome(verify, '.'.repeat(8192))).toBe('invalid_token malformed')
  expect(await outcome(verify, await issuer.token({ claims: { pad: 'x'.repeat(6000) } }))).toBe(
    'invalid_token too_long',
  )
  expect(await outcome(verify, await issuer.token({ claims: { pad: 'x'.repeat(5000) } }))).toBe('accepted')
})
