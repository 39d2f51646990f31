import { eq } from 'drizzle-orm'
import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { apiKeys } from '../../../src/db/schema.ts'
import { adminClient } from '../../support/admin-client.ts'
import { releaseAfterFile } from '../../support/cleanup.ts'
import { databaseKinds } from '../../support/databases.ts'
import { startFarService } from '../../support/far-service.ts'
import { holdOrganization } from '../../support/held-row.ts'
import { startTestService } from '../../support/test-service.ts'

describe.runIf(databaseKinds.includes('postgres'))('the deadline of a whole admin request', async () => {
  if (!databaseKinds.includes('postgres')) return
  const service = await startTestService('postgres')
  const { rootKey, services } = service
  const sql = postgres(service.database.url ?? '', { max: 3, onnotice: () => {} })
  releaseAfterFile(() => sql.end())
  const countNamed = async (name: string) =>
    (await services.db.select().from(apiKeys).where(eq(apiKeys.name, name))).length
  const running = () =>
    sql`select pid from pg_stat_activity where datname = current_database() and application_name = 'mintage'
      and state <> 'idle' and pid <> pg_backend_pid()`

  test('ends a request whose calls are each in time and together are not: 503, and nothing was changed', async () => {
    const far = await startFarService(service, { adminDeadlineMilliseconds: 600 })
    far.proxy.delayAnswers(100)
    const late = await adminClient(far, rootKey)('POST', '/v1/api-keys', { name: 'far' }, { 'Idempotency-Key': 'far' })
    expect(late).toMatchObject({ status: 503, body: { code: 'database_unavailable' } })
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0)
    await expect.poll(() => far.database.stats().inFlight).toBe(0)
    await expect.poll(running).toHaveLength(0)
    expect(await countNamed('far')).toBe(0)
    expect(far.database.stats().broken).toBe(false)

    const again = await adminClient(service, rootKey)(
      'POST',
      '/v1/api-keys',
      { name: 'far' },
      { 'Idempotency-Key': 'far' },
    )
    expect(again.status).toBe(201)
    expect(await countNamed('far')).toBe(1)
  })

  test('ends a request that waits for a locked row, and its wait on the server', async () => {
    const far = await startFarService(service, { adminDeadlineMilliseconds: 500 })
    const organization = await service.createOrganization('held')
    const letGo = await holdOrganization(sql, organization)
    const answer = await adminClient(far, rootKey)('POST', '/v1/api-keys', {
      name: 'held',
      organizationId: organization,
    })
    expect(answer).toMatchObject({ status: 503, body: { code: 'database_unavailable' } })
    await expect
      .poll(() => sql`select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)
      .toHaveLength(0)
    await letGo()
    await expect.poll(running).toHaveLength(0)
    expect(await countNamed('held')).toBe(0)
    expect(far.database.stats().broken).toBe(false)
  })

  test('does not stop halfway what works in steps', async () => {
    const far = await startFarService(service, { adminDeadlineMilliseconds: 1 })
    far.proxy.delayAnswers(20)
    const call = adminClient(far, rootKey)
    const organizationId = await service.createOrganization('left')
    for (const _ of [1, 2]) await service.createKey({ organizationId })
    expect((await call('GET', '/v1/organizations')).status).toBe(503)
    const revoked = await call('POST', `/v1/organizations/${organizationId}/revoke-all`, { reason: 'compromised' })
    expect(revoked).toMatchObject({ status: 200, body: { apiKeys: 2 } })
    expect((await call('POST', '/v1/keks/rewrap', {})).status).toBe(200)
    expect((await call('DELETE', `/v1/organizations/${organizationId}`)).status).toBe(204)
  })
})
