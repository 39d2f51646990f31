import { beforeAll, describe, expect, test } from 'vitest'
import type { KeySet } from '../../src/kit/key-sets/key-set.ts'
import { type RevocationList, RevocationListUnavailable } from '../../src/kit/revocation/revocation-list.ts'
import { createAccessTokenVerifier } from '../../src/kit/verifier.ts'
import { createRemoteIssuer, createRemoteKeys } from '../support/remote-issuer.ts'
import {
  audience,
  createTestIssuer,
  createTestVerifier,
  issuerUrl,
  outcome,
  startSeconds,
  type TestIssuer,
} from '../support/test-issuer.ts'

let issuer: TestIssuer
beforeAll(async () => {
  issuer = await createTestIssuer()
})

/** A list that answers as told and counts the calls. */
function listOf(answers: Partial<RevocationList>): RevocationList & { asked: () => number } {
  let asked = 0
  const list: RevocationList = {
    namesOf: () => [],
    isRevoked: () => false,
    ready: async () => undefined,
    state: () => ({ usable: true, ageMilliseconds: 0, rules: 0 }),
    close: async () => undefined,
    ...answers,
  }
  return {
    ...list,
    asked: () => asked,
    isRevoked(token, names) {
      asked += 1
      return list.isRevoked(token, names)
    },
  }
}

/** Counts the signature checks. */
function counting(keys: KeySet): KeySet & { checks: () => number } {
  let checks = 0
  return {
    checks: () => checks,
    holds: (kid) => keys.holds(kid),
    async find(kid) {
      const key = await keys.find(kid)
      return (
        key && {
          ...key,
          check(token) {
            checks += 1
            return key.check(token)
          },
        }
      )
    },
  }
}

test('a valid token gives its claims', async () => {
  const { verify } = createTestVerifier(issuer)
  const token = await verify(
    await issuer.token({ claims: { jti: 'token-x', roles: ['admin'], plan: { name: 'pro' } } }),
  )
  expect(token).toMatchObject({
    id: 'token-x',
    issuer: issuerUrl,
    subject: 'key_0001',
    clientId: 'key_0001',
    keyVersion: 1,
    organizationId: 'org_0001',
    environment: 'live',
    audience: [audience],
    issuedAt: startSeconds,
    expiresAt: startSeconds + 900,
    keyId: issuer.kid,
    claims: { plan: { name: 'pro' } },
  })
  expect([...token.scopes]).toEqual(['orders:read', 'orders:write'])
  expect([...token.roles]).toEqual(['admin'])
})

test('a token without scope has no scopes', async () => {
  const { verify } = createTestVerifier(issuer)
  expect((await verify(await issuer.token({ claims: { scope: undefined } }))).scopes.size).toBe(0)
})

test('one request cannot change a verified token for the next', async () => {
  const { verify } = createTestVerifier(issuer)
  const token = await verify(await issuer.token({ claims: { plan: { name: 'pro' } } }))
  expect(() => Object.assign(token, { clientId: 'other' })).toThrow(TypeError)
  expect(() => Object.assign(token.claims, { client_id: 'other' })).toThrow(TypeError)
  expect(() => Object.assign(Object(token.claims.plan), { name: 'free' })).toThrow(TypeError)
  expect(() => Array.prototype.push.call(token.audience, 'x')).toThrow(TypeError)
  for (const method of ['add', 'delete', 'clear'] as const) {
    expect(() => Reflect.apply(Reflect.get(token.scopes, method), token.scopes, ['admin'])).toThrow(TypeError)
  }
})

describe('a token that was verified before', () => {
  test('is answered synchronously without checking its signature again', async () => {
    const { verifier, verify } = createTestVerifier(issuer)
    const text = await issuer.token()
    const first = await verify(text)
    expect(verifier.verify(text)).toBe(first)
  })

  test('is refused as soon as the revocation list says so', async () => {
    const { verify, revocations } = createTestVerifier(issuer)
    const text = await issuer.token({ claims: { client_id: 'key_0007' } })
    await verify(text)
    revocations.revoke({ kind: 'api_key', value: 'key_0007' })
    expect(await outcome(verify, text)).toBe('invalid_token revoked')
  })

  test('is accepted again when its rule is lifted: no verdict is cached', async () => {
    const { verify, revocations } = createTestVerifier(issuer)
    const text = await issuer.token({ claims: { org_id: 'org_0007' } })
    revocations.revoke({ kind: 'organization', value: 'org_0007' })
    expect(await outcome(verify, text)).toBe('invalid_token revoked')
    revocations.lift('organization', 'org_0007')
    expect(await outcome(verify, text)).toBe('accepted')
  })

  test('is refused from its expiry on', async () => {
    const { verify, clock } = createTestVerifier(issuer)
    const text = await issuer.token()
    await verify(text)
    clock.seconds = startSeconds + 929.999
    expect(await outcome(verify, text)).toBe('accepted')
    clock.seconds = startSeconds + 930
    expect(await outcome(verify, text)).toBe('invalid_token expired')
  })

  test('is refused once its key was withdrawn', async () => {
    const remote = createRemoteIssuer([issuer.publicJwk])
    const { keys, clock } = createRemoteKeys(remote)
    const { verify } = createTestVerifier(issuer, { keys, now: () => clock.now() })
    const text = await issuer.token()
    await verify(text)
    remote.keys = []
    clock.seconds += 300
    expect(await outcome(verify, text)).toBe('invalid_token unknown_key')
  })

  test('is checked against the list every time', async () => {
    const revocations = listOf({})
    const { verify } = createTestVerifier(issuer, { revocations })
    const text = await issuer.token()
    for (let use = 1; use <= 5; use += 1) {
      await verify(text)
      expect(revocations.asked()).toBe(use)
    }
  })

  test('does not match another text that only begins or ends like it', async () => {
    const { verify } = createTestVerifier(issuer)
    const text = await issuer.token()
    await verify(text)
    for (const other of [`${text}A`, `${text}=`, text.slice(0, -1), ` ${text}`, text.toUpperCase()]) {
      expect(await outcome(verify, other)).toMatch(/^invalid_token /)
    }
  })
})

describe('concurrent verifications of one token', () => {
  test('share one signature check, and each asks the list', async () => {
    const { keys } = createRemoteKeys(createRemoteIssuer([issuer.publicJwk]))
    const counted = counting(keys)
    const revocations = listOf({})
    const { verify } = createTestVerifier(issuer, { keys: counted, revocations })
    const text = await issuer.token()
    const tokens = await Promise.all(Array.from({ length: 100 }, () => verify(text)))
    expect(new Set(tokens).size).toBe(1)
    expect(counted.checks()).toBe(1)
    expect(revocations.asked()).toBe(100)
  })

  test('fail together, and the next one tries again', async () => {
    const remote = createRemoteIssuer([issuer.publicJwk])
    remote.isAway = true
    const { keys, clock } = createRemoteKeys(remote)
    const { verify } = createTestVerifier(issuer, { keys })
    const text = await issuer.token()
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => outcome(verify, text)))
    expect(new Set(outcomes)).toEqual(new Set(['unavailable keys_unavailable']))
    remote.isAway = false
    clock.seconds += 1
    expect(await outcome(verify, text)).toBe('accepted')
  })

  test('do not wait for each other if the runtime forbids it', async () => {
    const counted = counting(createRemoteKeys(createRemoteIssuer([issuer.publicJwk])).keys)
    const { verify } = createTestVerifier(issuer, { keys: counted, sharesWork: false })
    const text = await issuer.token()
    await Promise.all([verify(text), verify(text), verify(text)])
    expect(counted.checks()).toBe(3)
  })
})

describe('a dependency that cannot answer', () => {
  test.each<[string, Partial<RevocationList>, number]>([
    ['throws that it is not fresh', { isRevoked: () => fail(new RevocationListUnavailable('stale', 7)) }, 7],
    ['rejects with that', { isRevoked: () => Promise.reject(new RevocationListUnavailable('stale', 2.5)) }, 3],
    ['throws anything else', { isRevoked: () => fail(new Error('broken')) }, 1],
    ['cannot name the token', { namesOf: () => Promise.reject(new Error('broken')) }, 1],
  ])('a list that %s gives 503, and never 401 or a valid token', async (_, answers, retryAfterSeconds) => {
    const { verify } = createTestVerifier(issuer, { revocations: listOf(answers) })
    await expect(verify(await issuer.token())).rejects.toMatchObject({
      code: 'unavailable',
      reason: 'revocations_unavailable',
      retryAfterSeconds,
    })
  })

  test.each([undefined, null, 0, '', 'no', {}])('a list that answers %j accepts no token', async (answer) => {
    const isRevoked: RevocationList['isRevoked'] = Object(() => answer)
    const later: RevocationList['isRevoked'] = Object(async () => answer)
    for (const list of [listOf({ isRevoked }), listOf({ isRevoked: later })]) {
      const { verify } = createTestVerifier(issuer, { revocations: list })
      expect(await outcome(verify, await issuer.token())).toBe('unavailable revocations_unavailable')
    }
  })

  test('a key set that fails in its own way gives 503 too', async () => {
    const keys: KeySet = { find: () => fail(new Error('broken')), holds: () => false }
    const { verify } = createTestVerifier(issuer, { keys })
    expect(await outcome(verify, await issuer.token())).toBe('unavailable keys_unavailable')
  })

  test('the verifier waits for a list that answers later', async () => {
    const { verify } = createTestVerifier(issuer, {
      revocations: listOf({ isRevoked: async ({ clientId }) => clientId === 'key_0009' }),
    })
    expect(await outcome(verify, await issuer.token())).toBe('accepted')
    expect(await outcome(verify, await issuer.token({ claims: { client_id: 'key_0009' } }))).toBe(
      'invalid_token revoked',
    )
  })
})

describe('options', () => {
  const { keys, revocations } = { keys: { find: () => undefined, holds: () => false }, revocations: listOf({}) }
  test.each([
    [{ issuer: '' }],
    [{ audience: '' }],
    [{ environment: Object('production') }],
    [{ clockToleranceSeconds: 301 }],
    [{ clockToleranceSeconds: -1 }],
    [{ clockToleranceSeconds: Number.NaN }],
    [{ maxTokenLifetimeSeconds: 0 }],
    [{ cacheSize: Number.POSITIVE_INFINITY }],
    [{ algorithms: [] }],
    [{ algorithms: [Object('HS256')] }],
    [{ algorithms: [Object('none')] }],
  ])('%j are refused at construction', (options) => {
    expect(() => createAccessTokenVerifier({ issuer: issuerUrl, keys, revocations, ...options })).toThrow(TypeError)
  })

  test('a verifier without an audience accepts any audience, and still refuses a malformed token', async () => {
    const { verify } = createTestVerifier(issuer, { audience: undefined, environment: undefined })
    expect(
      await outcome(verify, await issuer.token({ claims: { aud: ['https://other.example', 'b'], env: 'test' } })),
    ).toBe('accepted')
    expect(await outcome(verify, await issuer.token({ claims: { aud: [] } }))).toBe('invalid_token audience')
    expect(await outcome(verify, await issuer.token({ claims: { env: 'prod' } }))).toBe('invalid_token environment')
  })
})

test('the text of an error contains nothing of the token', async () => {
  const { verify } = createTestVerifier(issuer)
  const text = await issuer.token({ header: { typ: 'secret-type' } })
  const error: unknown = await verify(text).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(Error)
  expect(error instanceof Error && `${error.message}${error.stack}${JSON.stringify(error)}${error.cause}`).not.toMatch(
    /secret-type|eyJ/,
  )
})

function fail(error: Error): never {
  throw error
}
