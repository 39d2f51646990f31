import { beforeAll, describe, expect, test } from 'vitest'
import { type AdminCall, adminClient, adminClientWith } from '../../support/admin-client.ts'
import { databaseKinds } from '../../support/databases.ts'
import { exchange, isLive, tryExchange } from '../../support/oauth-requests.ts'
import { startTestService, type TestService } from '../../support/test-service.ts'

describe.each(databaseKinds)('organizations on %s', (kind) => {
  let service: TestService
  let root: AdminCall

  beforeAll(async () => {
    service = await startTestService(kind)
    root = adminClient(service, service.rootKey)
  })

  const create = async (body: object) =>
    (await root('POST', '/v1/organizations', body)).body as { id: string; slug: string }
  const tokenOf = async (secret: string) => (await exchange(service, secret)).access_token

  describe('have a unique slug and email', () => {
    test('and the response shows everything about them', async () => {
      const created = await root('POST', '/v1/organizations', {
        name: 'Full',
        slug: 'full-1',
        email: 'Ops@Full.example',
        plan: 'pro',
      })
      expect(created.status).toBe(201)
      expect(created.headers.get('etag')).toBe('"1"')
      expect(created.body).toMatchObject({
        slug: 'full-1',
        email: 'ops@full.example',
        limits: { requestsPerMinute: 60, requestsPerMonth: 100_000, apiKeys: 10 },
        maxKeyLifetimeSeconds: null,
        suspendedAt: null,
      })
    })

    test('and get a slug from their name if none is given', async () => {
      expect((await create({ name: 'Same Name' })).slug).toBe('same-name')
      expect((await create({ name: 'Same Name' })).slug).toMatch(/^same-name-[a-z0-9]{5}$/)
    })

    test.each([
      ['slug', { slug: 'taken' }],
      ['email', { email: 'TAKEN@a.example' }],
    ])('a second %s is a conflict that names it, when creating and when updating', async (member, same) => {
      await root('POST', '/v1/organizations', { name: 'First', slug: 'taken', email: 'taken@a.example' })
      const second = await root('POST', '/v1/organizations', { name: 'Second', ...same })
      expect([second.status, second.body.code, second.body.member]).toEqual([409, 'conflict', member])
      expect(second.body.detail).toMatch(new RegExp(`^${member} `))
      const { id } = await create({ name: 'Third' })
      const updated = await root('PATCH', `/v1/organizations/${id}`, same)
      expect([updated.status, updated.body.member]).toEqual([409, member])
      expect((await root('GET', `/v1/organizations/${id}`)).body).toMatchObject({ name: 'Third', revision: 1 })
    })

    test('of ten concurrent requests for one slug, one gets it', async () => {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => root('POST', '/v1/organizations', { name: 'Race', slug: 'race' })),
      )
      expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 9 }, () => 409)])
    })

    test('of ten concurrent requests with one name, each gets its own slug', async () => {
      const made = await Promise.all(Array.from({ length: 10 }, () => create({ name: 'Crowd' })))
      expect(new Set(made.map(({ slug }) => slug)).size).toBe(10)
    })

    test.each([
      ['a slug with capitals', { slug: 'Acme' }],
      ['a slug like an id', { slug: 'org_1' }],
      ['an invalid email', { email: 'nobody' }],
      ['an unknown plan', { plan: 'platinum' }],
      ['a plan by the name of an object member', { plan: 'constructor' }],
      ['a lifetime of a second', { maxKeyLifetimeSeconds: 1 }],
      ['a lifetime that is not a number', { maxKeyLifetimeSeconds: '3600' }],
      ['a NUL in the name', { name: 'a\u0000b' }],
      ['an id of its own', { id: 'org_mine' }],
      ['a suspension from the start', { suspendedAt: null }],
      ['a revision', { revision: 9 }],
    ])('%s is refused', async (_, body) => {
      const answer = await root('POST', '/v1/organizations', { name: 'Bad', ...body })
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request'])
    })
  })

  describe('can be changed', () => {
    test('one member at a time, and each change increases the revision', async () => {
      const { id } = await create({ name: 'Before', slug: 'before', email: 'a@before.example' })
      const renamed = await root('PATCH', `/v1/organizations/${id}`, { name: 'After' })
      expect(renamed.body).toMatchObject({ name: 'After', slug: 'before', email: 'a@before.example', revision: 2 })
      expect(renamed.headers.get('etag')).toBe('"2"')
      expect((await root('PATCH', `/v1/organizations/${id}`, { email: null })).body).toMatchObject({
        email: null,
        revision: 3,
      })
      expect((await root('PATCH', `/v1/organizations/${id}`, {})).status).toBe(400)
    })

    test('only at the revision in If-Match, if it is sent', async () => {
      const { id } = await create({ name: 'Matched' })
      const patch = (etag: string) =>
        root('PATCH', `/v1/organizations/${id}`, { name: 'Changed' }, { 'If-Match': etag })
      for (const stale of ['"7"', 'W/"1"', '"one"', '1']) {
        const refused = await patch(stale)
        expect([refused.status, refused.body.code], stale).toEqual([412, 'precondition_failed'])
      }
      expect((await patch('"1", "2"')).status).toBe(400)
      expect((await patch('"1"')).status).toBe(200)
      expect((await patch('"1"')).status).toBe(412)
      expect((await patch('*')).status).toBe(200)
    })

    test('of ten concurrent changes of one revision, one succeeds', async () => {
      const { id } = await create({ name: 'Race' })
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          root('PATCH', `/v1/organizations/${id}`, { name: `Race ${index}` }, { 'If-Match': '"1"' }),
        ),
      )
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      expect((await root('GET', `/v1/organizations/${id}`)).body).toMatchObject({ revision: 2 })
    })

    test('by their admins too, except for the plan', async () => {
      const { id } = await create({ name: 'Own' })
      const admin = await adminClientWith(service, { organizationId: id, roles: ['admin'] })
      expect((await admin('PATCH', `/v1/organizations/${id}`, { name: 'Ours' })).status).toBe(200)
      const policy = await admin('POST', `/v1/organizations/${id}/change-policy`, { maxKeyLifetimeSeconds: 86_400 })
      expect(policy.body).toMatchObject({ maxKeyLifetimeSeconds: 86_400 })
      expect((await admin('POST', `/v1/organizations/${id}/change-plan`, { plan: 'enterprise' })).status).toBe(403)
      expect((await admin('POST', `/v1/organizations/${id}/suspend`)).status).toBe(403)
      expect((await admin('PATCH', `/v1/organizations/${id}`, { plan: 'enterprise' })).status).toBe(400)
    })

    test('and each change is in the audit trail, without the email address', async () => {
      const { id } = await create({ name: 'Told', plan: 'free' })
      await root('PATCH', `/v1/organizations/${id}`, { email: 'secret-contact@told.example' })
      await root('POST', `/v1/organizations/${id}/change-plan`, { plan: 'pro' })
      await root('POST', `/v1/organizations/${id}/change-policy`, { maxKeyLifetimeSeconds: 3600 })
      const { text, body } = await root('GET', '/v1/audit-events?limit=3')
      expect(body.items).toMatchObject([
        { type: 'organization.policy_changed', subject: id, context: { fromSeconds: null, toSeconds: 3600 } },
        { type: 'organization.plan_changed', subject: id, context: { from: 'free', to: 'pro' } },
        { type: 'organization.updated', subject: id, context: { changed: ['email'] } },
      ])
      expect(text).not.toContain('secret-contact')
    })
  })

  test('can be found by slug, plan and suspension', async () => {
    const { id, slug } = await create({ name: 'Sought', plan: 'pro' })
    expect((await root('GET', `/v1/organizations?slug=${slug}`)).body).toMatchObject({
      items: [{ id }],
      nextCursor: null,
    })
    expect((await root('GET', '/v1/organizations?slug=%25')).status).toBe(400)
    expect((await root('GET', '/v1/organizations?plan=pro&limit=1')).body).toMatchObject({ items: [{ id }] })
    await root('POST', `/v1/organizations/${id}/suspend`)
    expect((await root('GET', '/v1/organizations?suspended=true&limit=200')).text).toContain(id)
    expect((await root('GET', '/v1/organizations?suspended=false&limit=200')).text).not.toContain(id)
    expect((await root('GET', '/v1/organizations?suspended=maybe')).status).toBe(400)
  })

  describe('that are suspended', () => {
    test('get no tokens, and their existing tokens are revoked, until they are resumed', async () => {
      const { id } = await create({ name: 'Stopped' })
      const { secret } = await service.createKey({ organizationId: id })
      const before = await tokenOf(secret)
      expect(await isLive(service, before)).toBe(true)
      const suspended = await root('POST', `/v1/organizations/${id}/suspend`, { reason: 'abuse', text: 'mined coins' })
      expect(suspended.status).toBe(204)
      const shown = () => root('GET', `/v1/organizations/${id}`)
      expect((await shown()).body).toMatchObject({ suspendedBy: (await root('GET', '/v1/me')).body.id })
      expect((await tryExchange(service, secret)).status).toBe(401)
      expect(await isLive(service, before)).toBe(false)
      service.clock.advance(300)
      expect((await root('POST', `/v1/organizations/${id}/resume`)).status).toBe(204)
      expect((await shown()).body).toMatchObject({ suspendedAt: null, suspendedBy: null })
      expect(await isLive(service, before)).toBe(false)
      service.clock.advance(2)
      expect(await isLive(service, await tokenOf(secret))).toBe(true)
      expect(await isLive(service, before)).toBe(false)
    })

    test('and resumed at once get no tokens while a fast clock may have issued revoked ones', async () => {
      const { id } = await create({ name: 'Blinked' })
      const { secret } = await service.createKey({ organizationId: id })
      const { clockToleranceSeconds } = service.services.config
      await root('POST', `/v1/organizations/${id}/suspend`)
      await root('POST', `/v1/organizations/${id}/resume`)
      service.clock.advance(clockToleranceSeconds - 1)
      const early = await tryExchange(service, secret)
      expect([early.status, early.headers.get('retry-after')]).toEqual([503, '2'])
      service.clock.advance(2)
      expect(await isLive(service, await tokenOf(secret))).toBe(true)
    })

    test('stay suspended if suspended twice, with one event and one rule', async () => {
      const { id } = await create({ name: 'Twice' })
      for (const verb of ['suspend', 'suspend', 'resume', 'resume']) {
        expect((await root('POST', `/v1/organizations/${id}/${verb}`)).status).toBe(204)
      }
      const { body } = await root('GET', '/v1/audit-events?limit=2')
      expect(body.items).toMatchObject([
        { type: 'organization.resumed', subject: id, context: { closedRules: 1 } },
        { type: 'organization.suspended', subject: id, reason: 'other' },
      ])
    })

    test('keep the rule that revokes their tokens; other rules on them can be lifted', async () => {
      const { id } = await create({ name: 'Ruled' })
      const { secret } = await service.createKey({ organizationId: id })
      const before = await tokenOf(secret)
      const { body: other } = await root('POST', '/v1/revocations', { kind: 'organization', value: id })
      service.clock.advance(1)
      await root('POST', `/v1/organizations/${id}/suspend`)
      const { body } = await root('GET', '/v1/revocations?limit=1')
      const [{ id: ruleId }] = body.items as [{ id: string }]
      expect((await root('POST', `/v1/revocations/${ruleId}/lift`)).body).toMatchObject({
        status: 409,
        code: 'conflict',
      })
      expect((await root('POST', `/v1/revocations/${String(other.id)}/lift`)).status).toBe(204)
      await root('POST', `/v1/organizations/${id}/resume`)
      expect(await isLive(service, before)).toBe(false)
    })

    test('cannot be the organization of the last root key, which could not resume itself', async () => {
      const { id: elsewhere } = await create({ name: 'Elsewhere' })
      const suspend = () => root('POST', `/v1/organizations/${service.organizationId}/suspend`)
      expect((await suspend()).body).toMatchObject({ status: 409, code: 'conflict' })
      const second = await adminClientWith(service, { organizationId: elsewhere, roles: ['root'] })
      expect((await suspend()).status).toBe(204)
      expect((await root('GET', '/v1/me')).status).toBe(401)
      expect((await second('POST', `/v1/organizations/${service.organizationId}/resume`)).status).toBe(204)
      expect((await root('GET', '/v1/me')).status).toBe(200)
    })

    test('can be tried in a dry run that shows who would notice and changes nothing', async () => {
      const { id } = await create({ name: 'Tried' })
      const { id: apiKeyId, secret } = await service.createKey({ organizationId: id })
      await service.createKey({ organizationId: id })
      const token = await tokenOf(secret)
      await service.services.usage.flush()
      const tried = await root('POST', `/v1/organizations/${id}/suspend`, { dryRun: true })
      expect(tried.status).toBe(200)
      expect(tried.body).toMatchObject({ apiKeys: 2, apiKeysWithLiveTokens: 1, exchanges: 1, lastUses: [{ apiKeyId }] })
      expect(await isLive(service, token)).toBe(true)
      expect((await root('GET', `/v1/organizations/${id}`)).body).toMatchObject({ suspendedAt: null, revision: 1 })
    })
  })

  test.each(['suspend', 'resume', 'change-plan', 'change-policy'])(
    '%s of an unknown organization gives not found',
    async (verb) => {
      const body =
        verb === 'change-plan' ? { plan: 'pro' } : verb === 'change-policy' ? { maxKeyLifetimeSeconds: null } : {}
      expect((await root('POST', `/v1/organizations/org_missing/${verb}`, body)).status).toBe(404)
    },
  )
})
