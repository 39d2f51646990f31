import { describe, expect, test } from 'vitest'
import { databaseKinds } from '../support/databases.ts'
import { basic, exchange, form, oauthError } from '../support/oauth-requests.ts'
import { startTestService, type TestService } from '../support/test-service.ts'
import { withDatabaseAway } from '../support/unreachable-database.ts'

describe.each(databaseKinds)('token revocation (RFC 7009) on %s', async (kind) => {
  const service = await startTestService(kind)

  const send = (secret: string, parameters: Record<string, string>) =>
    service.request('/revoke', form(parameters, { Authorization: `Bearer ${secret}` }))

  test('R74 accepts a form with a token from a client, with every way to authenticate', async () => {
    const key = await service.createKey()
    const { access_token: token } = await exchange(service, key.secret)
    const requests = [
      form({ token }, { Authorization: basic(key.id, key.secret) }),
      form({ token, client_id: key.id, client_secret: key.secret }),
      form({ token }, { Authorization: `Bearer ${key.secret}` }),
      form({ token }, { 'X-API-Key': key.secret }),
    ]
    for (const request of requests) expect((await service.request('/revoke', request)).status).toBe(200)
  })

  test('R74 refuses strangers, requests without a token, and other methods', async () => {
    const key = await service.createKey()
    expect(await oauthError(await service.request('/revoke', form({ token: 'x' })))).toMatchObject({
      status: 401,
      error: 'invalid_client',
    })
    expect(await oauthError(await send(service.rootKey.slice(0, -1), { token: 'x' }))).toMatchObject({ status: 401 })
    expect(await oauthError(await send(key.secret, {}))).toMatchObject({ status: 400, error: 'invalid_request' })
    expect((await service.request('/revoke')).status).toBe(405)
    expect(
      (await service.request(`/revoke?token=x`, form({ token: 'x' }, { Authorization: `Bearer ${key.secret}` })))
        .status,
    ).toBe(400)
  })

  test('R75 lets nobody revoke a foreign token or key, and reveals nothing', async () => {
    const key = await service.createKey()
    const neighbour = await service.createKey()
    const stranger = await service.createKey({ organizationId: await service.createOrganization() })
    const { access_token: token } = await exchange(service, key.secret)
    for (const other of [neighbour, stranger]) {
      for (const target of [token, key.secret]) {
        const response = await send(other.secret, { token: target })
        expect([response.status, await response.text()]).toEqual([200, '{}'])
      }
    }
    expect(await isActive(service, key.secret, token)).toBe(true)
    expect((await exchange(service, key.secret)).access_token).toBeTruthy()
  })

  test('R76 answers in JSON, because some clients refuse an answer without a type', async () => {
    const response = await send((await service.createKey()).secret, { token: 'unknown' })
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toEqual({})
  })

  test('R76 answers 200 and nothing else to unknown, malformed, expired and revoked tokens', async () => {
    const key = await service.createKey()
    const { access_token: token } = await exchange(service, key.secret)
    await send(key.secret, { token })
    for (const text of [
      token,
      'unknown',
      'a.b.c',
      `${token}=`,
      '\u0000',
      'é',
      'x'.repeat(15_000),
      key.secret.replace(/.$/, '!'),
    ]) {
      const response = await send(key.secret, { token: text })
      expect([response.status, await response.text()]).toEqual([200, '{}'])
    }
  })

  test.each(['refresh_token', 'access_token', 'nonsense'])('R77 ignores the hint: %s', async (hint) => {
    const key = await service.createKey()
    const { access_token: token } = await exchange(service, key.secret)
    expect((await send(key.secret, { token, token_type_hint: hint })).status).toBe(200)
    expect(await isActive(service, key.secret, token)).toBe(false)
  })

  test('R78 a revoked token is refused by a fresh read as soon as 200 is sent, and other tokens still work', async () => {
    const key = await service.createKey()
    const { access_token: token } = await exchange(service, key.secret)
    const { access_token: sister } = await exchange(service, key.secret)
    expect((await send(key.secret, { token })).status).toBe(200)
    await expect(Promise.resolve().then(() => service.services.verifier.verify(token))).rejects.toMatchObject({
      code: 'invalid_token',
    })
    expect(await isActive(service, key.secret, sister)).toBe(true)
  })

  test('R78 R136 an API key that revokes itself revokes all of its tokens, and gets no more', async () => {
    const key = await service.createKey()
    const other = await service.createKey()
    const { access_token: token } = await exchange(service, key.secret)
    expect((await send(key.secret, { token: key.secret })).status).toBe(200)
    expect(await isActive(service, other.secret, token)).toBe(false)
    expect(
      await oauthError(await service.request('/token', { method: 'POST', headers: { 'X-API-Key': key.secret } })),
    ).toMatchObject({
      status: 401,
      error: 'invalid_client',
    })
  })

  test('R79 an unreachable database gives 503 and Retry-After', async () => {
    const key = await service.createKey()
    const { access_token: token } = await exchange(service, key.secret)
    const response = await withDatabaseAway(service).request(
      '/revoke',
      form({ token }, { Authorization: `Bearer ${key.secret}` }),
    )
    expect(response.status).toBe(503)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' })
  })
})

async function isActive(service: TestService, secret: string, token: string): Promise<unknown> {
  const response = await service.request('/introspect', form({ token }, { Authorization: `Bearer ${secret}` }))
  const answer: unknown = await response.json()
  return typeof answer === 'object' && answer !== null && 'active' in answer ? answer.active : undefined
}
