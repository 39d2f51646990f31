import { eq } from 'drizzle-orm'
import { beforeAll, describe, expect, test } from 'vitest'
import { revocations } from '../../src/db/schema.ts'
import { type AdminCall, adminClient } from '../support/admin-client.ts'
import { movableClock } from '../support/clock.ts'
import { exchange, form, isLive, partsOf, tryExchange } from '../support/oauth-requests.ts'
import { secondInstance } from '../support/second-instance.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

/** By how many seconds the clock of the instance that is told to revoke is ahead of the other one's. */
const offsets = [25, -25, 300, -300, 3600, -3600, 86_400, -86_400]

let service: TestService
beforeAll(async () => {
  service = await startTestService()
})

type Case = {
  service: TestService
  /** The admin API of the instance whose clock is off. */
  admin: AdminCall
  key: { id: string; secret: string }
  organizationId: string
  serviceAccountId: string
  claims: Record<string, unknown>
}

type End = {
  what: string
  /** Done before the token is issued, at the instance whose clock is right. */
  prepare?(key: Case['key']): Promise<Case['key']>
  run(of: Case): Promise<{ status: number; text: string }>
  /** The secret gets tokens again: the rule is about tokens only. */
  keyWorks?: boolean
}

const rule = (what: string, of: (each: Case) => Record<string, unknown>): End => ({
  what: `a rule about ${what}`,
  run: (each) => each.admin('POST', '/v1/revocations', { reason: 'other', ...of(each) }),
  keyWorks: true,
})

/** Returns the new secret. The overlap lasts longer than any difference of clocks. */
async function rotate({ id }: Case['key']): Promise<string> {
  const root = adminClient(service, service.rootKey)
  return String((await root('POST', `/v1/api-keys/${id}/rotate`, { overlapSeconds: 172_800 })).body.secret)
}

async function rulesAbout(value: string) {
  return await service.database.db.select().from(revocations).where(eq(revocations.value, value))
}

const ends: End[] = [
  { what: 'revoking the key', run: ({ admin, key }) => admin('POST', `/v1/api-keys/${key.id}/revoke`, {}) },
  { what: 'disabling the key', run: ({ admin, key }) => admin('POST', `/v1/api-keys/${key.id}/disable`, {}) },
  { what: 'expiring the key', run: ({ admin, key }) => admin('POST', `/v1/api-keys/${key.id}/expire`, {}) },
  { what: 'deleting the key', run: ({ admin, key }) => admin('DELETE', `/v1/api-keys/${key.id}`) },
  {
    what: 'revoking many keys',
    run: ({ admin, organizationId }) =>
      admin('POST', '/v1/api-keys/revoke', { filter: { organizationId }, reason: 'other' }),
  },
  {
    what: 'revoking all keys of the organization',
    run: ({ admin, organizationId }) =>
      admin('POST', `/v1/organizations/${organizationId}/revoke-all`, { reason: 'other' }),
  },
  {
    what: 'disabling the service account',
    run: ({ admin, serviceAccountId }) => admin('POST', `/v1/service-accounts/${serviceAccountId}/disable`, {}),
  },
  {
    what: 'deleting the service account',
    run: ({ admin, serviceAccountId }) => admin('DELETE', `/v1/service-accounts/${serviceAccountId}`),
  },
  {
    what: 'suspending the organization',
    run: ({ admin, organizationId }) => admin('POST', `/v1/organizations/${organizationId}/suspend`, {}),
  },
  {
    what: 'a rotation without overlap',
    run: ({ admin, key }) => admin('POST', `/v1/api-keys/${key.id}/rotate`, { overlapSeconds: 0 }),
  },
  {
    what: 'ending the previous version',
    async prepare(key) {
      await rotate(key)
      return key
    },
    run: ({ admin, key }) => admin('POST', `/v1/api-keys/${key.id}/versions/1/end`, {}),
  },
  rule('the token', ({ claims }) => ({ kind: 'token', value: claims.jti })),
  rule('the key', ({ key }) => ({ kind: 'api_key', value: key.id, issuedBefore: null })),
  rule('the version', ({ key }) => ({ kind: 'api_key', value: key.id, maxVersion: 1, issuedBefore: null })),
  rule('the subject', ({ claims }) => ({
    kind: 'subject',
    value: `${claims.org_id} ${claims.sub}`,
    issuedBefore: null,
  })),
  rule('the organization', ({ organizationId }) => ({
    kind: 'organization',
    value: organizationId,
    issuedBefore: null,
  })),
  rule('all tokens', () => ({ kind: 'all', value: '*', issuedBefore: null })),
]

async function begin(offset: number, { prepare }: Pick<End, 'prepare'> = {}): Promise<Case> {
  const off = movableClock(new Date(service.clock.now().getTime() + offset * 1000))
  const other = secondInstance(service, service.database, off.now)
  const organizationId = await service.createOrganization()
  const root = adminClient(service, service.rootKey)
  const account = await root('POST', '/v1/service-accounts', { organizationId, name: 'ci', roles: [] })
  const serviceAccountId = String(account.body.id)
  const created = await service.createKey({ organizationId, serviceAccountId })
  const key = prepare ? await prepare(created) : created
  const token = await exchange(service, key.secret)
  const { claims } = partsOf(token.access_token)
  const admin = adminClient(other, service.rootKey)
  const facts = { service, admin, key, organizationId, serviceAccountId, claims }
  expect(await isLive(service, token.access_token)).toBe(true)
  tokens.set(facts, token.access_token)
  return facts
}

/** The tests share one service. */
async function liftRulesAboutAll(): Promise<void> {
  await service.database.db.execute("update revocations set lifted_at = created_at where kind = 'all'")
}

const tokens = new WeakMap<Case, string>()
const tokenOf = (each: Case) => tokens.get(each) ?? ''

describe.each(offsets)('an instance whose clock is off by %i s', (offset) => {
  test.each(ends)('answers, and then no other instance accepts the token: $what', async (end) => {
    const each = await begin(offset, end)
    const answer = await end.run(each)
    expect(answer.status, answer.text).toBeLessThan(300)
    expect(await isLive(each.service, tokenOf(each))).toBe(false)
    await liftRulesAboutAll()
    if (end.keyWorks) return
    expect((await tryExchange(each.service, each.key.secret)).status).toBe(401)
    const shown = await each.service.request('/v1/me', { headers: { Authorization: `Bearer ${each.key.secret}` } })
    expect(shown.status).toBe(401)
    const inspected = await each.service.request(
      '/introspect',
      form({ token: tokenOf(each) }, { Authorization: `Bearer ${each.service.rootKey}` }),
    )
    expect(await inspected.json()).toEqual({ active: false })
  })

  test('cancels a rotation, and then no other instance accepts the secret and the token of its version', async () => {
    const each = await begin(offset, {
      prepare: async (key) => ({ id: key.id, secret: await rotate(key) }),
    })
    const answer = await each.admin('POST', `/v1/api-keys/${each.key.id}/rotate/cancel`, {})
    expect(answer.status, answer.text).toBe(200)
    expect(await isLive(each.service, tokenOf(each))).toBe(false)
    expect((await tryExchange(each.service, each.key.secret)).status).toBe(401)
  })

  test.each([
    ['api-keys', 'disable', 'enable', ({ key }: Case) => key.id],
    ['service-accounts', 'disable', 'enable', ({ serviceAccountId }: Case) => serviceAccountId],
    ['organizations', 'suspend', 'resume', ({ organizationId }: Case) => organizationId],
  ])('switches off %s: switched on elsewhere, tokens from before stay dead', async (noun, off, on, idOf) => {
    const each = await begin(offset)
    expect((await each.admin('POST', `/v1/${noun}/${idOf(each)}/${off}`, {})).status).toBeLessThan(300)
    each.service.clock.advance(1)
    const root = adminClient(each.service, each.service.rootKey)
    expect((await root('POST', `/v1/${noun}/${idOf(each)}/${on}`, {})).status).toBeLessThan(300)
    expect(await isLive(each.service, tokenOf(each))).toBe(false)
    each.service.clock.advance(61 + Math.max(0, offset))
    expect((await tryExchange(each.service, each.key.secret)).status).toBe(200)
  })
})

test('a signing key that an instance replaces, whose clock is ahead, signs nothing and verifies nothing elsewhere', async () => {
  const own = await startTestService()
  const { access_token: token } = await exchange(own, own.testKey)
  const ahead = secondInstance(own, own.database, () => new Date(own.clock.now().getTime() + 25_000))
  const { kid } = partsOf(token).header
  const answer = await adminClient(ahead, own.rootKey)('POST', '/v1/signing-keys/replace', { compromised: true, kid })
  expect(answer.status, answer.text).toBe(200)
  expect(await isLive(own, token)).toBe(false)
  expect((await tryExchange(own, own.testKey)).status).toBe(503)
  own.clock.advance(25)
  expect(await isLive(own, (await exchange(own, own.testKey)).access_token)).toBe(true)
})

describe('what was switched off', () => {
  test('is switched on by its own rule: one that root added in the same millisecond stays', async () => {
    const { service, key, admin } = await begin(0)
    const open = { kind: 'api_key', value: key.id, issuedBefore: null, reason: 'other' }
    const { body } = await admin('POST', '/v1/revocations', open)
    await admin('POST', `/v1/api-keys/${key.id}/disable`, {})
    await admin('POST', `/v1/api-keys/${key.id}/enable`, {})
    service.clock.advance(3600)
    const rules = await rulesAbout(key.id)
    expect(rules).toContainEqual(expect.objectContaining({ id: body.id, issuedBefore: null, liftedAt: null }))
    expect((await admin('POST', `/v1/revocations/${body.id}/lift`)).status).toBe(204)
  })

  test('cannot be switched on by lifting its rule', async () => {
    const { key, admin } = await begin(0)
    await admin('POST', `/v1/api-keys/${key.id}/disable`, {})
    const [added] = await rulesAbout(key.id)
    expect((await admin('POST', `/v1/revocations/${added?.id}/lift`)).status).toBe(409)
  })

  test('before the id of its rule was stored: enabling it revokes the tokens from before', async () => {
    const each = await begin(0)
    const { service, key, admin } = each
    await admin('POST', `/v1/api-keys/${key.id}/disable`, {})
    const [added] = await rulesAbout(key.id)
    await service.database.db.execute(`update api_keys set disabled_rule_id = null where id = '${key.id}'`)
    expect((await admin('POST', `/v1/revocations/${added?.id}/lift`)).status).toBe(409)
    await admin('POST', `/v1/api-keys/${key.id}/enable`, {})
    await admin('POST', `/v1/revocations/${added?.id}/lift`)
    expect(await isLive(service, tokenOf(each))).toBe(false)
    service.clock.advance(61)
    expect(await isLive(service, (await exchange(service, key.secret)).access_token)).toBe(true)
  })

  test('a service account: a key with a planned revocation loses its tokens too', async () => {
    const each = await begin(0)
    const { service, key, admin, serviceAccountId } = each
    const at = new Date(service.clock.now().getTime() + 600_000).toISOString()
    expect((await admin('POST', `/v1/api-keys/${key.id}/revoke`, { at })).status).toBeLessThan(300)
    expect(await isLive(service, tokenOf(each))).toBe(true)
    await admin('POST', `/v1/service-accounts/${serviceAccountId}/disable`, {})
    expect(await isLive(service, tokenOf(each))).toBe(false)
  })
})
