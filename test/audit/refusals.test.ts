import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createPendingRefusals, type Refusal } from '../../src/audit/pending-refusals.ts'
import { createRefusalRecorder } from '../../src/audit/refusals.ts'
import { newId } from '../../src/crypto/random.ts'
import { type AdminCall, adminClient } from '../support/admin-client.ts'
import { exportTrail, faultsOf } from '../support/audit-trail.ts'
import { databaseKinds } from '../support/databases.ts'
import { principal } from '../support/principal.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('refused requests in the audit trail on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service
  const root = adminClient(service, service.rootKey)

  async function lowestKey(): Promise<{ id: string; call: AdminCall }> {
    const { id, secret } = await service.createKey()
    return { id, call: adminClient(service, secret) }
  }

  async function refusalsOf(actor: string) {
    const { body } = await root('GET', `/v1/audit-events?actor=${actor}&type=operation.refused`)
    if (!Array.isArray(body.items)) throw new Error('no list')
    return body.items.toReversed()
  }

  test('50 equal requests of the lowest key become two events, one at once and one a minute later', async () => {
    const { id, call } = await lowestKey()
    const startedAt = clock.now().toISOString()
    for (let sent = 0; sent < 50; sent++) expect((await call('GET', '/v1/api-keys')).status).toBe(403)
    const [first, ...others] = await refusalsOf(id)
    expect(first).toMatchObject({ context: { operation: 'GET /v1/api-keys', code: 'permission_denied' } })
    expect(others).toEqual([])
    clock.advance(59)
    await services.refusals.flush()
    expect(await refusalsOf(id)).toHaveLength(1)
    clock.advance(1)
    await services.refusals.flush()
    const [, repeats, ...more] = await refusalsOf(id)
    expect(repeats).toMatchObject({
      actor: id,
      organizationId: service.organizationId,
      reason: 'api_keys.read',
      agent: 'admin-client/1',
      durationMilliseconds: null,
      context: { operation: 'GET /v1/api-keys', code: 'permission_denied', repeats: 49, firstAt: startedAt },
    })
    expect(more).toEqual([])
    expect(await faultsOf(await exportTrail(service))).toEqual([])
  })

  test('a caller that never stops writes one event a minute', async () => {
    const { id, call } = await lowestKey()
    for (let second = 0; second <= 300; second += 20) {
      await call('GET', '/v1/members')
      await services.refusals.flush()
      clock.advance(20)
    }
    const counts = (await refusalsOf(id)).map(({ context }) => context.repeats)
    expect(counts).toEqual([undefined, 3, 3, 3, 3, 3])
  })

  test('a refusal after a quiet minute is written at once, also without a flush', async () => {
    const { id, call } = await lowestKey()
    await call('GET', '/v1/roles')
    clock.advance(60)
    await call('GET', '/v1/roles')
    expect(await refusalsOf(id)).toHaveLength(2)
  })

  test('another caller, operation or reason is written at once', async () => {
    const [one, two] = [await lowestKey(), await lowestKey()]
    for (const { call } of [one, two, one]) {
      await call('GET', '/v1/api-keys')
      await call('GET', '/v1/revocations')
    }
    for (const { id } of [one, two]) expect(await refusalsOf(id)).toHaveLength(2)
  })

  test('repeats about several things name the first fifty of them, and where they came from', async () => {
    const { id, secret } = await service.createKey({ roles: ['admin'] })
    const ids = Array.from({ length: 60 }, () => newId('key'))
    for (const missing of ids) await adminClient(service, secret)('GET', `/v1/api-keys/${missing}`)
    clock.advance(60)
    await services.refusals.flush()
    expect(await refusalsOf(id)).toMatchObject([
      { subject: ids[0] },
      { subject: null, context: { code: 'not_found', repeats: 59, subjects: ids.slice(1, 51), addresses: [] } },
    ])
  })

  test('what is still counted is written when the service stops', async () => {
    const { id, call } = await lowestKey()
    for (let sent = 0; sent < 3; sent++) await call('GET', '/v1/keks')
    await services.refusals.close()
    expect(await refusalsOf(id)).toMatchObject([{}, { context: { repeats: 2 } }])
  })

  test('nothing is lost while the trail cannot be written', async () => {
    const { id, call } = await lowestKey()
    await services.db.execute(sql`alter table audit_events rename to away`)
    for (let sent = 0; sent < 3; sent++) expect((await call('GET', '/v1/plans')).status).toBe(403)
    clock.advance(60)
    await services.refusals.flush()
    await services.db.execute(sql`alter table away rename to audit_events`)
    clock.advance(60)
    await services.refusals.flush()
    expect(await refusalsOf(id)).toMatchObject([{ context: { operation: 'GET /v1/plans', repeats: 3 } }])
    expect(service.logged).toContainEqual(expect.objectContaining({ event: 'audit_failed', repeats: 3 }))
  })

  test('on Workers, what one request counted is written after another', async () => {
    const pending = createPendingRefusals()
    const { db, log, now } = services
    const requestOf = () => createRefusalRecorder({ db, log, now, pending })
    const actor = principal(service.organizationId, [], { clientId: newId('key') })
    const refused = { operation: 'GET /v1/x', subject: null, code: 'not_found', reason: undefined } as const
    for (let sent = 0; sent < 3; sent++) {
      const { record, flush } = requestOf()
      await record(actor, refused)
      await flush()
    }
    clock.advance(60)
    await requestOf().flush()
    expect(await refusalsOf(actor.clientId)).toMatchObject([{}, { context: { repeats: 2 } }])
  })
})

describe('pending refusals', () => {
  const start = Date.parse('2026-11-02T10:00:00.000Z')
  const refusal = (caller: number, second: number): Refusal => ({
    actor: principal('org_1', [], { clientId: `key_${caller}` }),
    organizationId: 'org_1',
    operation: 'GET /v1/x',
    subject: null,
    code: 'not_found',
    reason: undefined,
    at: new Date(start + second * 1000),
  })

  test('count every refusal exactly once, whenever they come and whatever fails', () => {
    const step = fc.record({
      caller: fc.nat({ max: 2 }),
      pause: fc.nat({ max: 90 }),
      flushes: fc.boolean(),
      fails: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.nat({ max: 3 }), (steps, mostKinds) => {
        const pending = createPendingRefusals({ mostKinds })
        let second = 0
        let written = 0
        for (const { caller, pause, flushes, fails } of steps) {
          second += pause
          if (pending.add(refusal(caller, second))) written += 1
          if (!flushes) continue
          for (const repeated of pending.take(new Date(start + second * 1000), 'due')) {
            if (fails) pending.giveBack(repeated)
            else written += repeated.repeats
          }
        }
        for (const { repeats } of pending.take(new Date(start), 'all')) written += repeats
        expect(written).toBe(steps.length)
      }),
    )
  })

  test('a clock that was set back does not keep repeats from the trail', () => {
    const pending = createPendingRefusals()
    pending.add(refusal(1, 7200))
    pending.add(refusal(1, 7201))
    expect(pending.take(new Date(start), 'due')).toMatchObject([{ repeats: 1 }])
  })
})
