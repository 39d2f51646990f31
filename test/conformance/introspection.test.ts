import { beforeAll, describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { revokeApiKey } from '../../src/api-keys/revoke.ts'
import { addRevocationRule } from '../../src/revocation/rule-queries.ts'
import { basic, exchange, form, oauthError, partsOf } from '../support/oauth-requests.ts'
import { issuer, startTestService, type TestService } from '../support/test-service.ts'

let service: TestService
let key: { id: string; secret: string }

beforeAll(async () => {
  service = await startTestService('embedded', { emptied: true })
  key = await service.createKey({ scopes: ['orders:read'], audiences: ['https://b.example'] })
})

const ask = (secret: string, token: string, headers: Record<string, string> = {}) =>
  service.request('/introspect', form({ token }, { Authorization: `Bearer ${secret}`, ...headers }))
const answer = async (secret: string, token: string) => (await ask(secret, token)).text()
const inactive = '{"active":false}'

describe('token introspection (RFC 7662)', () => {
  test('shows a caller of the same organization the content of a token', async () => {
    const { access_token } = await exchange(service, key.secret)
    const { claims } = partsOf(access_token)
    expect(JSON.parse(await answer(key.secret, access_token))).toEqual({
      active: true,
      token_type: 'Bearer',
      ...claims,
    })
  })

  test.each([
    ['Basic', () => form({ token: 'x' }, { Authorization: basic(key.id, key.secret) })],
    ['the form', () => form({ token: 'x', client_id: key.id, client_secret: key.secret })],
    ['X-API-Key', () => form({ token: 'x' }, { 'X-API-Key': key.secret })],
  ])('R80 accepts a caller that authenticates by %s', async (_, request) => {
    expect((await service.request('/introspect', request())).status).toBe(200)
  })

  test('R80 refuses anonymous callers and bad keys', async () => {
    const { access_token: token } = await exchange(service, key.secret)
    expect(await oauthError(await service.request('/introspect', form({ token })))).toMatchObject({
      status: 401,
      error: 'invalid_client',
    })
    expect(await oauthError(await ask('wrong', token))).toMatchObject({ status: 401, error: 'invalid_client' })
    expect(await oauthError(await ask(token, token))).toMatchObject({ status: 401, error: 'invalid_client' })
    expect(
      await oauthError(await service.request('/introspect', form({ token, subject_token: key.secret }))),
    ).toMatchObject({
      status: 401,
    })
    expect((await service.request('/introspect')).status).toBe(405)
  })

  test('R81 answers only that a token is inactive, whatever is wrong with it', async () => {
    const { access_token: token } = await exchange(service, key.secret)
    const [header, claims, signature] = token.split('.')
    const forged = `${header}.${claims}.${signature?.startsWith('A') ? 'B' : 'A'}${signature?.slice(1)}`
    for (const text of [
      'unknown',
      forged,
      `${token}=`,
      `${header}.${claims}.`,
      'é',
      '\u0000',
      'x'.repeat(15_000),
      key.secret,
    ]) {
      expect(await answer(key.secret, text)).toBe(inactive)
    }
  })

  test('R82 shows a stranger nothing, a caller with the audience everything, and root everything', async () => {
    const elsewhere = await service.createOrganization()
    const stranger = await service.createKey({ organizationId: elsewhere })
    const resource = await service.createKey({ organizationId: elsewhere, audiences: ['https://b.example'] })
    const { access_token: token } = await exchange(service, key.secret, { audience: 'https://b.example' })
    const { access_token: other } = await exchange(service, key.secret)
    expect(await answer(stranger.secret, token)).toBe(inactive)
    expect(await answer(stranger.secret, other)).toBe(inactive)
    expect(await answer(resource.secret, token)).toContain('"active":true')
    expect(await answer(resource.secret, other)).toBe(inactive)
    expect(await answer(service.rootKey, token)).toContain('"active":true')
  })

  test('R83 an expired token is inactive', async () => {
    const { access_token: token } = await exchange(service, key.secret, { expires_in: '60' })
    service.clock.advance(60 + 30)
    expect(await answer(key.secret, token)).toBe(inactive)
  })

  test.each([
    ['its key was revoked', (id: string) => revokeApiKey(service.services, systemPrincipal, id, { reason: 'other' })],
    ['every token was revoked', () => addRule('all', '*')],
    ['its organization was revoked', () => addRule('organization', service.organizationId)],
    ['its subject was revoked', (id: string) => addRule('subject', `${service.organizationId} ${id}`)],
  ])('R83 a token is inactive when %s', async (_, revoke) => {
    service = await startTestService('embedded', { emptied: true })
    const asking = await service.createKey({
      organizationId: await service.createOrganization(),
      audiences: [`${issuer}/api`],
    })
    const dying = await service.createKey()
    const { access_token: token } = await exchange(service, dying.secret)
    expect(await answer(asking.secret, token)).toContain('"active":true')
    await revoke(dying.id)
    expect(await answer(asking.secret, token)).toBe(inactive)
  })

  test('R84 forbids caching', async () => {
    const { headers } = await ask(service.rootKey, 'x')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test('R85 answers in JSON even if a signed answer is preferred', async () => {
    const response = await ask(service.rootKey, 'x', { Accept: 'application/token-introspection+jwt' })
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  })
})

async function addRule(kind: 'all' | 'organization' | 'subject', value: string): Promise<void> {
  const { db, now, config } = service.services
  const rule = {
    kind,
    value,
    expires: 'when_dead',
    organizationId: null,
    reason: 'test',
    actor: 'system',
  } as const
  await db.transaction(async (tx) => void (await addRevocationRule(tx, rule, config.clockToleranceSeconds, now())))
}
