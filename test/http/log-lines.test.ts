import { beforeEach, describe, expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { createApp } from '../../src/app.ts'
import { movableClock } from '../support/clock.ts'
import { issuer, startTestService } from '../support/test-service.ts'

describe('the log line of a request', async () => {
  // An instance whose clock differs from the database's is not ready.
  const service = await startTestService('embedded', { clock: movableClock(new Date()) })
  const { logged, clock, organizationId } = service
  beforeEach(() => void logged.splice(0))

  const lines = (event: string) => logged.filter((line) => line.event === event)
  const send = async (path: string, secret: string, form: Record<string, string> = {}) => {
    const headers = { Authorization: `Bearer ${secret}` }
    if (path.startsWith('/v1')) return await service.request(path, { headers })
    return await service.request(path, { method: 'POST', headers, body: new URLSearchParams(form) })
  }

  const paths: [string, Record<string, string>][] = [
    ['/token', {}],
    ['/introspect', { token: 'x' }],
    ['/revoke', { token: 'x' }],
    ['/v1/me', {}],
  ]

  test.each(paths)('says at %s whose request it was', async (path, form) => {
    const { id, secret } = await service.createKey()
    expect((await send(path, secret, form)).status).toBe(200)
    expect(lines('request')).toMatchObject([{ route: path, status: 200, clientId: id, organizationId }])
  })

  test.each(paths)('says at %s whose request it was if the key is refused, in both lines', async (path, form) => {
    const { id, secret } = await service.createKey({ revokedAt: clock.now() })
    expect((await send(path, secret, form)).status).toBe(401)
    const whose = { clientId: id, organizationId }
    expect(lines('request')).toMatchObject([{ status: 401, ...whose }])
    expect(lines('request_refused')).toMatchObject([{ reason: 'revoked', ...whose }])
  })

  test('says it too if the key is fine and the request is refused', async () => {
    const { id, secret } = await service.createKey()
    expect((await send('/token', secret, { scope: 'orders:read' })).status).toBe(400)
    expect((await send('/v1/api-keys', secret)).status).toBe(403)
    expect(lines('request')).toMatchObject([{ clientId: id }, { clientId: id }])
    expect(lines('request_refused')).toMatchObject([{ reason: 'api_keys.read', clientId: id, organizationId }])
  })

  test('says it too if the caller sends an access token', async () => {
    const { id, secret } = await service.createKey({ roles: ['admin'] })
    const { access_token: token } = await (await send('/token', secret, { audience: issuer })).json()
    expect((await send('/v1/me', token)).status).toBe(200)
    expect(lines('request').at(-1)).toMatchObject({ route: '/v1/me', clientId: id, organizationId })
  })

  test('says it too if that token is revoked, or for another audience', async () => {
    const { id, secret } = await service.createKey({ roles: ['admin'] })
    const tokenFor = async (form: Record<string, string>) =>
      (await (await send('/token', secret, form)).json()).access_token
    const [revoked, elsewhere] = [await tokenFor({ audience: issuer }), await tokenFor({})]
    expect((await send('/revoke', secret, { token: revoked })).status).toBe(200)
    logged.splice(0)
    for (const token of [revoked, elsewhere]) expect((await send('/v1/me', token)).status).toBe(401)
    const whose = { clientId: id, organizationId }
    expect(lines('request')).toMatchObject([whose, whose])
    expect(lines('request_refused')).toMatchObject([
      { reason: 'token_revoked', ...whose },
      { reason: 'token_audience', ...whose },
    ])
  })

  test.each(paths)('names nobody at %s if the key is unknown', async (path, form) => {
    expect((await send(path, generateApiKey('live'), form)).status).toBe(401)
    for (const line of logged) expect(Object.keys(line)).not.toContain('clientId')
    expect(lines('request')).toHaveLength(1)
  })

  test('names the caller with an unexpected error', async () => {
    const { id, secret } = await service.createKey()
    const { services } = service
    const broken = { ...services, keyring: { ...services.keyring, signer: () => Promise.reject(new Error('broken')) } }
    const app = createApp(() => broken)
    expect((await app.request('/token', { method: 'POST', headers: { 'X-API-Key': secret } })).status).toBe(500)
    expect(lines('request_failed')).toMatchObject([{ level: 'error', clientId: id, organizationId }])
  })

  test.each(['/healthz', '/readyz', '/revocations'])('of a program that polls %s has the level debug', async (path) => {
    await service.services.revocations.refresh() // without a list it is not ready
    expect((await service.request(path)).status).toBe(200)
    expect(lines('request')).toMatchObject([{ route: path, level: 'debug' }])
  })

  test('of a failing health check has the level info', async () => {
    const app = createApp(() => ({ ...service.services, stopping: () => true }))
    expect((await app.request('/readyz')).status).toBe(503)
    expect(lines('request')).toMatchObject([{ route: '/readyz', level: 'info' }])
  })
})
