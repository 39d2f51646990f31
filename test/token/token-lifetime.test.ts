import { describe, expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { createServices } from '../../src/compose.ts'
import { createVerifier } from '../../src/kit/verify.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange, form } from '../support/oauth-requests.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

/** Another instance on the same database, with another MINTAGE_MAX_TOKEN_TTL. */
function instanceWith({ services, database }: TestService, maxTokenTtlSeconds: number) {
  const config = { ...services.config, maxTokenTtlSeconds }
  const instance = createServices(config, database, { ...services, revocations: { refreshInRequest: true } })
  const app = createApp(() => instance)
  const request = async (path: string, init?: RequestInit) => await app.request(path, init)
  return { services: instance, request }
}

const day = 86_400

describe.each(databaseKinds)('the lifetime of tokens on %s', (kind) => {
  const isActive = async (instance: Pick<TestService, 'request'>, token: string, key: string) => {
    const response = await instance.request('/introspect', form({ token }, { Authorization: `Bearer ${key}` }))
    return (await response.json()).active
  }
  const publishedBy = async (instance: Pick<TestService, 'request'>) =>
    (await (await instance.request('/.well-known/oauth-authorization-server')).json()).max_token_lifetime_seconds

  test('a default verifier accepts the longest token that the service is configured for', async () => {
    const service = await startTestService(kind, { env: { MINTAGE_MAX_TOKEN_TTL: '1d' } })
    const { secret } = await service.createKey()
    const verifier = createVerifier({
      issuer: service.services.config.issuer,
      audience: service.services.config.audience,
      now: service.clock.now,
      fetch: async (url, init) => await service.request(new URL(url).pathname, init),
    })
    const { access_token: token } = await exchange(service, secret, [['expires_in', String(day)]])
    const { issuedAt, expiresAt } = await verifier.verify(token)
    expect(expiresAt - issuedAt).toBe(day)
    await verifier.close()
  })

  test('a token from before the maximum was lowered stays active, and the longer lifetime stays published', async () => {
    const service = await startTestService(kind, { env: { MINTAGE_MAX_TOKEN_TTL: '1d' } })
    const { secret } = await service.createKey()
    const { access_token: token } = await exchange(service, secret, [['expires_in', String(day)]])
    const lowered = instanceWith(service, 3600)
    expect(await isActive(lowered, token, service.rootKey)).toBe(true)
    expect(await publishedBy(lowered)).toBe(day)
  })

  test('while instances differ, all publish the longer lifetime and know the longer tokens', async () => {
    const service = await startTestService(kind)
    const { secret } = await service.createKey()
    await exchange(service, secret)
    const raised = instanceWith(service, day)
    const { access_token: token } = await exchange(raised, secret, [['expires_in', String(day)]])
    service.clock.advance(1)
    expect(await publishedBy(service)).toBe(day)
    expect(await isActive(service, token, service.rootKey)).toBe(true)
  })
})
