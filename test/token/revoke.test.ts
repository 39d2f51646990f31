import { eq } from 'drizzle-orm'
import { beforeAll, describe, expect, test } from 'vitest'
import { auditEvents, revocations } from '../../src/db/schema.ts'
import { exchange, form, partsOf } from '../support/oauth-requests.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

let service: TestService

beforeAll(async () => {
  service = await startTestService()
})

const revoke = (secret: string, token: string) =>
  service.request('/revoke', form({ token }, { 'X-API-Key': secret, 'User-Agent': 'curl/8' }))

describe('a client that revokes its token', () => {
  test("adds one rule that expires with the token, and one event with the client's id", async () => {
    const key = await service.createKey()
    const { access_token: token } = await exchange(service, key.secret)
    const { jti, exp } = partsOf(token).claims
    await revoke(key.secret, token)
    await revoke(key.secret, token)
    const rules = await service.services.db
      .select()
      .from(revocations)
      .where(eq(revocations.value, String(jti)))
    expect(rules).toMatchObject([
      { kind: 'token', issuedBefore: null, organizationId: service.organizationId, actor: key.id },
    ])
    expect(Number(rules[0]?.expiresAt)).toBeGreaterThanOrEqual(Number(exp) * 1000)
    const events = await service.services.db
      .select()
      .from(auditEvents)
      .where(eq(auditEvents.subject, String(jti)))
    expect(events).toMatchObject([
      { type: 'token.revoked', actor: key.id, organizationId: service.organizationId, agent: 'curl/8' },
    ])
  })

  test('changes nothing when the token belongs to another client', async () => {
    const key = await service.createKey()
    const other = await service.createKey()
    const { access_token: token } = await exchange(service, key.secret)
    const before = await Promise.all([service.services.db.$count(revocations), service.services.db.$count(auditEvents)])
    await revoke(other.secret, token)
    await revoke(other.secret, key.secret)
    await revoke(other.secret, 'garbage')
    expect(
      await Promise.all([service.services.db.$count(revocations), service.services.db.$count(auditEvents)]),
    ).toEqual(before)
  })

  test('can revoke its key, and the event names it', async () => {
    const key = await service.createKey()
    await revoke(key.secret, key.secret)
    const events = await service.services.db.select().from(auditEvents).where(eq(auditEvents.subject, key.id))
    expect(events).toMatchObject([{ type: 'api_key.revoked', actor: key.id }])
  })
})
