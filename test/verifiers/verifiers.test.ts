import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { verifiers } from '../../src/db/schema.ts'
import { createVerifier } from '../../src/kit/verify.ts'
import type { NodePlatform } from '../../src/node/platform.ts'
import { forgetVerifiers } from '../../src/verifiers/operations.ts'
import { rememberVerifiers } from '../../src/verifiers/queries.ts'
import { adminClient } from '../support/admin-client.ts'
import { databaseKinds } from '../support/databases.ts'
import { issuer, startTestService, type TestService } from '../support/test-service.ts'

const jwks = '/.well-known/jwks.json'

describe.each(databaseKinds)('who fetched the key set, on %s', (kind) => {
  let service: TestService
  beforeAll(async () => {
    service = await startTestService(kind)
  })
  beforeEach(async () => {
    await service.database.db.delete(verifiers)
  })

  /** Waits for the work that the fetch deferred. */
  async function settled() {
    const { platform } = service.services
    if ('settled' in platform) await (platform as NodePlatform).settled()
  }

  async function fetchKeys(headers: Record<string, string>, method = 'GET'): Promise<Response> {
    const response = await service.request(jwks, { method, headers })
    await settled()
    return response
  }

  const rows = () => service.database.db.select().from(verifiers)

  test('is recorded by name and API key, with the keys that it got', async () => {
    const { id, secret } = await service.createKey()
    const response = await fetchKeys({
      Authorization: `Bearer ${secret}`,
      'Mintage-Verifier': 'billing-api',
      'User-Agent': 'kit/1',
    })
    const set = await response.json()
    expect(await rows()).toEqual([
      {
        clientId: id,
        name: 'billing-api',
        kids: set.keys.map(({ kid }: { kid: string }) => kid),
        lastFetchedAt: service.clock.now(),
        address: null,
        agent: 'kit/1',
      },
    ])
    service.clock.advance(60)
    await fetchKeys({ Authorization: `Bearer ${secret}`, 'Mintage-Verifier': 'billing-api' })
    expect(await rows()).toMatchObject([{ name: 'billing-api', lastFetchedAt: service.clock.now(), agent: null }])
  })

  test('is anonymous without a key or with a refused key, and still gets the document', async () => {
    const { secret } = await service.createKey({ revokedAt: service.clock.now() })
    const plain = await fetchKeys({ 'Mintage-Verifier': 'shop' })
    const refused = await fetchKeys({ 'Mintage-Verifier': 'shop-2', Authorization: `Bearer ${secret}` })
    const nonsense = await fetchKeys({ 'Mintage-Verifier': 'shop-3', Authorization: 'Basic x, Bearer y' })
    for (const response of [plain, refused, nonsense]) expect(response.status).toBe(200)
    expect(await refused.text()).toBe(await plain.text())
    expect((await rows()).map(({ clientId, name }) => [clientId, name]).sort()).toEqual([
      ['', 'shop'],
      ['', 'shop-2'],
      ['', 'shop-3'],
    ])
    expect(service.logged).toContainEqual(
      expect.objectContaining({ event: 'verifier_not_authenticated', reason: 'revoked' }),
    )
  })

  test('is not recorded without a name and a valid key, nor for a HEAD request', async () => {
    await fetchKeys({})
    await fetchKeys({ 'Mintage-Verifier': 'shop' }, 'HEAD')
    await fetchKeys({ Authorization: 'Bearer nonsense' })
    expect(await rows()).toEqual([])
  })

  test.each([
    ['spaces', 'a b'],
    ['a hyphen in front', '-a'],
    ['more than 64 characters', 'a'.repeat(65)],
    ['a million characters', 'a'.repeat(1_000_000)],
    ['a control character', 'a\u001b[31m'],
    ['a quote', "a';drop table verifiers;--"],
    ['two names', 'a, b'],
    ['a line of the log', 'a"}{"level":"error"'],
  ])('has no name with %s', async (_, name) => {
    // Bypasses the HTTP parser, which already refuses some of these.
    const headers = new Headers()
    try {
      headers.set('Mintage-Verifier', name)
    } catch {
      return
    }
    expect((await service.request(jwks, { headers })).status).toBe(200)
    await settled()
    expect(await rows()).toEqual([])
    expect(JSON.stringify(service.logged)).not.toContain('drop table')
  })

  test('of ten thousand invented names only the newest stay, and no authenticated verifier is pushed out', async () => {
    const { id, secret } = await service.createKey()
    await fetchKeys({ Authorization: `Bearer ${secret}`, 'Mintage-Verifier': 'billing-api' })
    for (let start = 0; start < 10_000; start += 1000) {
      service.clock.advance(1)
      const names = Array.from({ length: 1000 }, (_, index) => `bot-${start + index}`)
      await Promise.all(names.map((name) => service.request(jwks, { headers: { 'Mintage-Verifier': name } })))
      await settled()
    }
    const kept = await rows()
    expect(kept.filter(({ clientId }) => clientId === id)).toHaveLength(1)
    const anonymous = kept.filter(({ clientId }) => clientId === '')
    expect(anonymous.length).toBeLessThanOrEqual(1000)
    expect(anonymous.length).toBeGreaterThan(900)
    expect(anonymous.every(({ lastFetchedAt }) => lastFetchedAt.getTime() === service.clock.now().getTime())).toBe(true)
  })

  test('one API key can be at most twenty verifiers', async () => {
    const { secret } = await service.createKey()
    for (let index = 0; index < 25; index += 1) {
      service.clock.advance(1)
      await fetchKeys({ Authorization: `Bearer ${secret}`, 'Mintage-Verifier': `v${index}` })
    }
    const names = (await rows()).map(({ name }) => Number(name.slice(1))).sort((a, b) => a - b)
    expect(names).toEqual(Array.from({ length: 20 }, (_, index) => index + 5))
  })

  test('of two sightings of a verifier the later one is kept, whichever is written last', async () => {
    const row = { clientId: 'key_1', name: 'a', address: null, agent: null }
    const at = service.clock.now()
    const earlier = { ...row, kids: ['old'], lastFetchedAt: new Date(at.getTime() - 1) }
    const later = { ...row, kids: ['old', 'new'], lastFetchedAt: at }
    expect(await rememberVerifiers(service.database.db, [later])).toBe(true)
    expect(await rememberVerifiers(service.database.db, [earlier])).toBe(false)
    expect(await rows()).toEqual([later])
  })

  test('no cache answers a verifier that authenticates', async () => {
    const { secret } = await service.createKey()
    const open = await fetchKeys({ 'Mintage-Verifier': 'shop' })
    expect(open.headers.get('cache-control')).toMatch(/^public, max-age=\d+$/)
    expect(open.headers.get('vary')).toBe('Authorization')
    for (const credential of [`Bearer ${secret}`, 'Bearer wrong', 'Basic eDp5']) {
      const own = await fetchKeys({ Authorization: credential })
      expect(own.headers.get('cache-control')).toMatch(/^private, max-age=\d+$/)
      expect(own.headers.get('vary')).toBe('Authorization')
      const unchanged = await fetchKeys({ Authorization: credential, 'If-None-Match': open.headers.get('etag') ?? '' })
      expect([unchanged.status, unchanged.headers.get('cache-control')]).toEqual([
        304,
        own.headers.get('cache-control'),
      ])
    }
    const records = await service.request('/.well-known/record-keys.json', {
      headers: { Authorization: `Bearer ${secret}` },
    })
    expect(records.headers.get('cache-control')).toMatch(/^public/)
  })

  test('is listed to root in pages, authenticated ones first, and to no other caller', async () => {
    const [own, other] = [await service.createKey(), await service.createKey()]
    await fetchKeys({ 'Mintage-Verifier': 'shop' })
    await fetchKeys({ Authorization: `Bearer ${own.secret}`, 'Mintage-Verifier': 'billing-api' })
    service.clock.advance(86_401)
    await fetchKeys({ Authorization: `Bearer ${other.secret}` })
    const root = adminClient(service, service.rootKey)
    const listed = await root('GET', '/v1/verifiers')
    expect(listed.body).toMatchObject({
      items: [own, other]
        .toSorted((a, b) => (a.id > b.id ? -1 : 1))
        .map(({ id }) =>
          id === own.id
            ? { name: 'billing-api', clientId: id, state: 'absent' }
            : { name: null, clientId: id, state: 'known' },
        )
        .concat([{ name: 'shop', clientId: null, state: 'anonymous' } as never]),
      nextCursor: null,
    })
    const pages = []
    for (let cursor: unknown = ''; cursor !== null; ) {
      const page = await root(
        'GET',
        `/v1/verifiers?limit=1${cursor ? `&cursor=${encodeURIComponent(String(cursor))}` : ''}`,
      )
      pages.push(...(page.body.items as unknown[]))
      cursor = page.body.nextCursor
    }
    expect(pages).toEqual(listed.body.items)
    expect((await root('GET', '/v1/verifiers?cursor=nonsense')).status).toBe(400)
    const tenant = await service.createKey({ roles: ['admin'] })
    expect((await adminClient(service, tenant.secret)('GET', '/v1/verifiers')).status).toBe(403)
  })

  test('is forgotten after 30 days', async () => {
    await fetchKeys({ 'Mintage-Verifier': 'shop' })
    service.clock.advance(30 * 86_400 + 1)
    await fetchKeys({ 'Mintage-Verifier': 'shop-2' })
    await forgetVerifiers(service.services)
    expect(await rows()).toMatchObject([{ name: 'shop-2' }])
  })

  test('is recorded with the name that the kit sends', async () => {
    const { id, secret } = await service.createKey()
    const verifier = createVerifier({
      issuer,
      audience: `${issuer}/api`,
      name: 'orders-api',
      apiKey: secret,
      fetch: (url, init) => service.request(new URL(url).pathname, init),
      now: service.clock.now,
    })
    await verifier.ready()
    await settled()
    await verifier.close()
    expect(await rows()).toMatchObject([{ clientId: id, name: 'orders-api' }])
  })
})

test('the response waits neither for the key lookup nor for the write', async () => {
  const { services, createKey } = await startTestService()
  const { secret } = await createKey()
  const never = new Promise<never>(() => {})
  const deferred: Promise<unknown>[] = []
  const platform = { ...services.platform, defer: (work: Promise<unknown>) => void deferred.push(work) }
  const app = createApp(() => ({ ...services, platform, apiKeys: { ...services.apiKeys, byHash: () => never } }))
  const headers = { Authorization: `Bearer ${secret}`, 'Mintage-Verifier': 'billing-api' }
  expect((await app.request(jwks, { headers })).status).toBe(200)
  expect(deferred).toHaveLength(1)
})
