import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { insertActiveKey } from '../support/active-signing-key.ts'
import { adminClient } from '../support/admin-client.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange, form } from '../support/oauth-requests.ts'
import { startTestService } from '../support/test-service.ts'

const list = (count: number, length: number, prefix: string) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`.padEnd(length, 'x'))

describe.each(databaseKinds)('the size of tokens on %s', async (kind) => {
  const service = await startTestService(kind)
  const root = adminClient(service, service.rootKey)
  const { config, verifier } = service.services
  const { organizationId } = service
  await insertActiveKey(service.services, 'RS256')
  const base = { name: 'orders', environment: 'live', organizationId }

  test.each([
    ['100 scopes of 60 characters', { scopes: list(100, 60, 's') }],
    ['100 scopes of 128 characters', { scopes: list(100, 128, 's') }],
    ['50 audiences of 220 characters', { audiences: list(50, 220, 'https://') }],
    ['3.9 KB of claims with 100 scopes', { scopes: list(100, 30, 's'), customClaims: { note: 'x'.repeat(3900) } }],
    ['an algorithm with long signatures', { scopes: list(100, 47, 's'), tokenAlgorithm: 'RS256' }],
  ])('a key whose tokens would be too long is refused: %s', async (_, settings) => {
    const refused = await root('POST', '/v1/api-keys', { ...base, ...settings })
    expect([refused.status, refused.body.code]).toEqual([400, 'invalid_request'])
    expect(refused.body.detail).toMatch(/^Tokens of this key would have up to \d+ characters/)
    const created = await root('POST', '/v1/api-keys', base)
    expect(created.status).toBe(201)
    const id = (created.body.apiKey as { id: string }).id
    expect((await root('PATCH', `/v1/api-keys/${id}`, settings)).status).toBe(400)
    expect((await root('POST', `/v1/api-keys/${id}/rotate`, settings)).status).toBe(400)
  })

  test('a request that narrows a wildcard into a token that is too long is refused', async () => {
    const { secret } = await service.createKey({ scopes: ['orders:*'] })
    const scope = list(140, 70, 'orders:').join(' ')
    const response = await service.request('/token', form({ scope }, { Authorization: `Bearer ${secret}` }))
    const body = await response.json()
    expect([response.status, body.error]).toEqual([400, 'invalid_request'])
    expect(body.error_description).toContain('verifiers accept')
  })

  test('a subject of 255 characters from outside the basic plane is accepted everywhere', async () => {
    const created = await root('POST', '/v1/api-keys', { ...base, subject: '😀'.repeat(255) })
    expect(created.status).toBe(201)
    const { access_token: token } = await exchange(service, String(created.body.secret))
    expect((await verifier.verify(token)).subject).toBe('😀'.repeat(255))
  })

  test('the longest token can be introspected and revoked, with the client’s secret in the body too', async () => {
    const { id, secret } = await service.createKey({ scopes: ['orders:*'] })
    let token: string | undefined
    for (let count = 100; token === undefined; count -= 1) {
      const scope = list(count, 57, 'orders:').join(' ')
      const response = await service.request('/token', form({ scope }, { Authorization: `Bearer ${secret}` }))
      if (response.status === 200) token = String((await response.json()).access_token)
    }
    expect(token.length).toBeGreaterThan(8100)
    const asked = form({ token, client_id: id, client_secret: secret })
    expect(await (await service.request('/introspect', asked)).json()).toMatchObject({ active: true })
    expect((await service.request('/revoke', asked)).status).toBe(200)
    expect(await (await service.request('/introspect', asked)).json()).toEqual({ active: false })
  })

  test('a client may percent-encode every character of everything that the longest token holds', async () => {
    const encoded = (text: string) =>
      [...new TextEncoder().encode(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
    const body = (parameters: [string, string][]) =>
      parameters.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&')
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const ask = async (path: string, parameters: [string, string][]) =>
      await service.request(path, { method: 'POST', headers, body: body(parameters) })

    const [scopes, audiences] = [list(100, 27, 's'), list(50, 54, 'https://a/')]
    const created = await root('POST', '/v1/api-keys', { ...base, scopes, audiences })
    expect(created.status, created.text).toBe(201)
    const { id } = created.body.apiKey as { id: string }
    const secret = String(created.body.secret)
    const client: [string, string][] = [
      ['client_id', id],
      ['client_secret', secret],
    ]
    const answer = await ask('/token', [
      ...client,
      ['grant_type', 'urn:ietf:params:oauth:grant-type:token-exchange'],
      ['subject_token_type', 'urn:mintage:params:oauth:token-type:api-key'],
      ['requested_token_type', 'urn:ietf:params:oauth:token-type:access_token'],
      ['subject_token', secret],
      ['scope', scopes.join(' ')],
      ...[config.audience, ...audiences].map((audience): [string, string] => ['audience', audience]),
    ])
    expect(answer.status, await answer.clone().text()).toBe(200)
    const token = String((await answer.json()).access_token)
    expect(token.length).toBeGreaterThan(8000)
    expect(await (await ask('/introspect', [...client, ['token', token]])).json()).toMatchObject({ active: true })
    expect((await ask('/revoke', [...client, ['token', token]])).status).toBe(200)
  })

  test('a key at the limits of its settings can be created by a client that escapes all text', async () => {
    const cjk = (length: number, index: number) => `${index}`.padEnd(length, '\u5b57')
    const settings = {
      ...base,
      name: cjk(100, 0),
      description: cjk(500, 0),
      labels: Array.from({ length: 20 }, (_, index) => cjk(100, index)),
      subject: cjk(255, 0),
      customClaims: { note: cjk(1360, 0) },
      allowedCidrs: Array.from({ length: 50 }, (_, index) => `2001:db8:1111:2222:3333:4444:${index}:0/112`),
    }
    const escaped = JSON.stringify(settings).replaceAll('\u5b57', '\\u5b57')
    expect(escaped.length).toBeGreaterThan(24 * 1024)
    const created = await root('POST', '/v1/api-keys', escaped)
    expect(created.status, created.text).toBe(201)
    expect(created.body.apiKey).toMatchObject({ name: settings.name, labels: settings.labels })
  })

  test('whatever the admin API accepts, the verifier accepts', async () => {
    const character = fc.constantFrom('a', '"', '\\', 'é', '😀', '~', '/')
    const word = (most: number) =>
      fc.string({ unit: fc.constantFrom('a', 'Z', '~', '!'), minLength: 1, maxLength: most })
    const settings = fc.record({
      scopes: fc.uniqueArray(word(128), { maxLength: 100 }),
      audiences: fc.uniqueArray(word(255), { maxLength: 50 }),
      subject: fc.option(fc.string({ unit: character, minLength: 1, maxLength: 255 })),
      customClaims: fc.option(
        fc.dictionary(
          word(20).map((name) => `x${name}`),
          fc.string({ unit: character, maxLength: 900 }),
          { maxKeys: 6 },
        ),
      ),
    })
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(settings, async (given) => {
        const created = await root('POST', '/v1/api-keys', { ...base, ...given })
        if (created.status === 400) return
        expect(created.status).toBe(201)
        accepted += 1
        const audience = [config.audience, ...given.audiences].map((each): [string, string] => ['audience', each])
        const { access_token: token } = await exchange(service, String(created.body.secret), audience)
        expect([...(await verifier.verify(token)).scopes].sort()).toEqual([...given.scopes].sort())
        const asked = form({ token }, { Authorization: `Bearer ${service.rootKey}` })
        expect(await (await service.request('/introspect', asked)).json()).toMatchObject({ active: true })
        await root('POST', `/v1/api-keys/${(created.body.apiKey as { id: string }).id}/revoke`, { reason: 'unused' })
      }),
      { numRuns: 60 },
    )
    expect(accepted).toBeGreaterThan(5)
  })
})
