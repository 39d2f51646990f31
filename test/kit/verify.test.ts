import { beforeAll, describe, expect, test } from 'vitest'
import { localKeySet } from '../../src/kit/key-sets/local-key-set.ts'
import { memoryRevocationList } from '../../src/kit/revocation/memory.ts'
import { createVerifier, type VerifierOptions } from '../../src/kit/verify.ts'
import { createRemoteIssuer, type RemoteIssuer } from '../support/remote-issuer.ts'
import { audience, createClock, createTestIssuer, issuerUrl, outcome, type TestIssuer } from '../support/test-issuer.ts'

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
