import { beforeAll, describe, expect, test, vi } from 'vitest'
import { localKeySet } from '../../src/kit/key-sets/local-key-set.ts'
import { memoryRevocationList } from '../../src/kit/revocation/memory.ts'
import { createVerifier, type VerifierOptions } from '../../src/kit/verify.ts'
import { createRemoteIssuer, type RemoteIssuer } from '../support/remote-issuer.ts'
import {
  audience,
  createClock,
  createTestIssuer,
  issuerUrl,
  outcome,
  startSeconds,
  type TestIssuer,
} from '../support/test-issuer.ts'

let issuer: TestIssuer
beforeAll(async () => {
  issuer = await createTestIssuer()
})

function createTestedVerifier(remote: RemoteIssuer, options: Partial<VerifierOptions> = {}) {
  const clock = createClock()
  const now = () => clock.now()
  const revocations = memoryRevocationList({ now })
  return {
    clock,
    verifier: createVerifier({ issuer: issuerUrl, audience, revocations, fetch: remote.fetch, now, ...options }),
  }
}

test('issuer and audience are enough: the metadata leads to the keys', async () => {
  const remote = createRemoteIssuer([issuer.publicJwk])
  const { verifier } = createTestedVerifier(remote)
  expect(remote.requests).toEqual([])
  expect(await outcome(verifier.verify, await issuer.token())).toBe('accepted')
})

test('a verifier that is ready verifies its first token without waiting', async () => {
  const { verifier } = createTestedVerifier(createRemoteIssuer([issuer.publicJwk]))
  await verifier.ready()
  expect(verifier.verify(await issuer.token())).not.toBeInstanceOf(Promise)
})

test('a verifier is not ready while the issuer is unreachable', async () => {
  const remote = createRemoteIssuer([issuer.publicJwk])
  remote.isAway = true
  const { verifier } = createTestedVerifier(remote)
  await expect(verifier.ready()).rejects.toMatchObject({ code: 'unavailable', reason: 'keys_unavailable' })
})

test('tokens of test keys are refused unless the verifier was created for them', async () => {
  const token = await issuer.token({ claims: { env: 'test' } })
  const { verifier: live } = createTestedVerifier(createRemoteIssuer([issuer.publicJwk]))
  const { verifier: test } = createTestedVerifier(createRemoteIssuer([issuer.publicJwk]), { environment: 'test' })
  expect(await outcome(live.verify, token)).toBe('invalid_token environment')
  expect(await outcome(test.verify, token)).toBe('accepted')
})

test('keys can come from another source', async () => {
  const remote = createRemoteIssuer([])
  const clock = createClock()
  const keys = localKeySet(async () => issuer.jwks, { now: () => clock.now() })
  const { verifier } = createTestedVerifier(remote, { keys })
  expect(await outcome(verifier.verify, await issuer.token())).toBe('accepted')
  expect(remote.requests).toEqual([])
})

test('an algorithm is accepted only if the allow-list has it', async () => {
  const rsa = await createTestIssuer('RS256')
  const remote = createRemoteIssuer([issuer.publicJwk, rsa.publicJwk])
  const { verifier: one } = createTestedVerifier(remote, { algorithms: ['ES256'] })
  const { verifier: both } = createTestedVerifier(remote, { algorithms: ['ES256', 'RS256'] })
  expect(await outcome(one.verify, await rsa.token())).toBe('invalid_token algorithm')
  expect(await outcome(both.verify, await rsa.token())).toBe('accepted')
})

describe('the longest lifetime of tokens', () => {
  const lifetime = async (seconds: number) => await issuer.token({ claims: { exp: startSeconds + seconds } })
  const publish = (remote: RemoteIssuer, seconds: number) => {
    remote.metadata = { ...remote.metadata, max_token_lifetime_seconds: seconds }
  }

  test.each([
    ['longer than an hour', 7200],
    ['shorter than an hour', 600],
  ])('is the one that the issuer publishes, if that is %s', async (_, seconds) => {
    const remote = createRemoteIssuer([issuer.publicJwk])
    publish(remote, seconds)
    const { verifier } = createTestedVerifier(remote)
    expect(await outcome(verifier.verify, await lifetime(seconds))).toBe('accepted')
    expect(await outcome(verifier.verify, await lifetime(seconds + 1))).toBe('invalid_token lifetime_too_long')
  })

  test('is an hour if the issuer publishes none, or its metadata is not read', async () => {
    const remote = createRemoteIssuer([issuer.publicJwk])
    const jwksUrl = `${issuerUrl}/.well-known/jwks.json`
    for (const options of [{}, { jwksUrl }, { keys: localKeySet(async () => issuer.jwks) }]) {
      const { verifier } = createTestedVerifier(remote, options)
      expect(await outcome(verifier.verify, await lifetime(3600))).toBe('accepted')
      expect(await outcome(verifier.verify, await lifetime(3601))).toBe('invalid_token lifetime_too_long')
    }
  })

  test('is the configured one, whatever the issuer publishes', async () => {
    const remote = createRemoteIssuer([issuer.publicJwk])
    publish(remote, 7200)
    const { verifier } = createTestedVerifier(remote, { maxTokenLifetimeSeconds: 1800 })
    expect(await outcome(verifier.verify, await lifetime(1801))).toBe('invalid_token lifetime_too_long')
  })

  test('follows an issuer that raises it, and asks at most once per cool-down', async () => {
    const remote = createRemoteIssuer([issuer.publicJwk])
    publish(remote, 3600)
    const { clock, verifier } = createTestedVerifier(remote)
    await verifier.ready()
    publish(remote, 7200)
    expect(await outcome(verifier.verify, await lifetime(7200))).toBe('accepted')
    const asked = remote.requests.length
    for (let round = 0; round < 20; round += 1)
      expect(await outcome(verifier.verify, await lifetime(7201))).toBe('invalid_token lifetime_too_long')
    expect(remote.requests).toHaveLength(asked)
    clock.seconds += 10
    publish(remote, 86_400)
    expect(await outcome(verifier.verify, await lifetime(86_400))).toBe('accepted')
    expect(remote.requests).toHaveLength(asked + 1)
  })

  test('is not known while the issuer is unreachable: a longer token is not refused for good', async () => {
    const remote = createRemoteIssuer([issuer.publicJwk])
    const { clock, verifier } = createTestedVerifier(remote)
    await verifier.ready()
    remote.isAway = true
    for (let round = 0; round < 3; round += 1)
      expect(await outcome(verifier.verify, await lifetime(7200))).toBe('unavailable keys_unavailable')
    expect(remote.requests).toHaveLength(3)
    remote.isAway = false
    publish(remote, 7200)
    clock.seconds += 10
    expect(await outcome(verifier.verify, await lifetime(7200))).toBe('accepted')
  })
})

describe('without a custom revocation list', () => {
  test('a verifier needs the issuer’s feed, and accepts no token without it', async () => {
    const remote = createRemoteIssuer([issuer.publicJwk])
    const clock = createClock()
    const verifier = createVerifier({ issuer: issuerUrl, audience, fetch: remote.fetch, now: () => clock.now() })
    expect(remote.requests).toEqual([])
    expect(await outcome(verifier.verify, await issuer.token())).toBe('unavailable revocations_unavailable')
    await verifier.close()
  })
})

describe('a custom revocation list', () => {
  test('is not closed together with the verifier, because others may share it', async () => {
    let isClosed = false
    const revocations = {
      ...memoryRevocationList(),
      async close() {
        isClosed = true
      },
    }
    await createTestedVerifier(createRemoteIssuer([]), { revocations }).verifier.close()
    expect(isClosed).toBe(false)
  })
})

test.each([
  [{ issuer: 'auth.example' }],
  [{ issuer: `${issuerUrl}?x` }],
  [{ audience: '' }],
  [{ audience: Object(undefined) }],
  [{ audience: /.*/ }],
  [{ clockToleranceSeconds: 3000 }],
  [{ jwksUrl: 'http://auth.example/jwks' }],
  [{ jwksMaximumAgeSeconds: -1 }],
  [{ environment: 'prod' }],
])('options %j are refused at construction', (options) => {
  expect(() =>
    createVerifier({ issuer: issuerUrl, audience, revocations: memoryRevocationList(), ...Object(options) }),
  ).toThrow(TypeError)
})

describe('a mistake in the options is told to the developer', () => {
  async function warningsAfter(
    options: Partial<VerifierOptions>,
    claims: object,
    remote = createRemoteIssuer([issuer.publicJwk]),
  ) {
    const warnings: string[] = []
    const { verifier } = createTestedVerifier(remote, { warn: (message) => warnings.push(message), ...options })
    for (let time = 0; time < 3; time += 1) await outcome(verifier.verify, await issuer.token({ claims }))
    return warnings
  }

  test.each<[string, Partial<VerifierOptions>, object, string]>([
    ['another environment', {}, { env: 'test' }, 'a "test" key: the verifier accepts keys of the environment "live"'],
    [
      'another audience',
      {},
      { aud: ['https://other.example'] },
      '["https://other.example"]: the verifier\'s audience is "https://api.example"',
    ],
    [
      'another issuer',
      {},
      { iss: 'https://auth.example/' },
      '"https://auth.example/" issued: the verifier\'s issuer is "https://auth.example"',
    ],
  ])('once, with both values: %s', async (_, options, claims, told) => {
    const warnings = await warningsAfter(options, claims)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(told)
  })

  test('once, if the issuer cannot be reached, with the reason', async () => {
    const remote = createRemoteIssuer([issuer.publicJwk])
    remote.isAway = true
    const warnings = await warningsAfter({}, {}, remote)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('cannot verify tokens of https://auth.example: ')
  })

  test('but not for a forged token, and never with the token', async () => {
    const warnings: string[] = []
    const { verifier } = createTestedVerifier(createRemoteIssuer([issuer.publicJwk]), {
      warn: (message) => warnings.push(message),
    })
    const forged = await (await createTestIssuer('ES256', issuer.kid)).token({ claims: { env: 'test' } })
    expect(await outcome(verifier.verify, forged)).toBe('invalid_token signature')
    expect(warnings).toEqual([])
    const token = await issuer.token({ claims: { env: 'test' } })
    await outcome(verifier.verify, token)
    expect(warnings.join()).not.toContain(token.split('.')[2])
  })

  test('on the console by default, but not in production', async () => {
    const printed = vi.spyOn(console, 'warn').mockImplementation(() => {})
    for (const mode of ['production', 'test', 'development']) {
      vi.stubEnv('NODE_ENV', mode)
      const { verifier } = createTestedVerifier(createRemoteIssuer([issuer.publicJwk]))
      await outcome(verifier.verify, await issuer.token({ claims: { env: 'test' } }))
    }
    expect(printed).toHaveBeenCalledTimes(1)
    vi.unstubAllEnvs()
  })
})
