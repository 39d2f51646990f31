import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { adminClient } from '../support/admin-client.ts'
import { movableClock } from '../support/clock.ts'
import { databaseKinds } from '../support/databases.ts'
import { startFarService } from '../support/far-service.ts'
import { holdOrganization } from '../support/held-row.ts'
import { startTestService } from '../support/test-service.ts'

const writesAtOnce = 40
const rounds = 2

describe.runIf(databaseKinds.includes('postgres'))('a tenant whose row is locked', () => {
  test('delays its own changes, and no exchange, introspection or health check of others, nor their changes afterwards', async () => {
    const service = await startTestService('postgres', { clock: movableClock(new Date()) })
    const instance = await startFarService(service, { deadlineMilliseconds: 5000, adminDeadlineMilliseconds: 7000 })
    const [slow, other] = [await service.createOrganization('slow'), await service.createOrganization('other')]
    const { secret } = await service.createKey({ organizationId: other, scopes: ['orders:read'] })
    const headers = { 'X-API-Key': secret }
    const exchange = () => instance.request('/token', { method: 'POST', headers })
    const { access_token: token } = await (await exchange()).json()
    const introspect = () =>
      instance.request('/introspect', {
        method: 'POST',
        headers: { Authorization: `Bearer ${secret}` },
        body: new URLSearchParams({ token }),
      })
    const admin = adminClient(instance, service.rootKey)
    const create = (organizationId: string) => admin('POST', '/v1/api-keys', { name: 'another', organizationId })

    const sql = postgres(service.database.url ?? '', { max: 1, onnotice: () => {} })
    const letGo = await holdOrganization(sql, slow)
    const statuses = { token: new Set<number>(), introspect: new Set<number>(), ready: new Set<number>() }
    try {
      for (let round = 0; round < rounds; round++) {
        let waiting = true
        const writes = Promise.all(Array.from({ length: writesAtOnce }, () => create(slow))).finally(() => {
          waiting = false
        })
        while (waiting) {
          statuses.token.add((await exchange()).status)
          statuses.introspect.add((await introspect()).status)
          statuses.ready.add((await instance.request('/readyz')).status)
        }
        for (const { status, headers } of await writes) {
          expect(status).toBe(503)
          expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
        }
        expect(instance.database.stats().broken).toBe(false)
      }
      expect((await create(other)).status).toBe(201)
    } finally {
      await letGo()
      await sql.end()
    }
    expect(statuses).toEqual({ token: new Set([200]), introspect: new Set([200]), ready: new Set([200]) })
    expect((await create(slow)).status).toBe(201)
  })
})
