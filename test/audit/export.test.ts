import { sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { appendAuditEvent } from '../../src/audit/append-queries.ts'
import { csvLine } from '../../src/audit/csv.ts'
import { auditChain } from '../../src/db/schema.ts'
import { adminClient } from '../support/admin-client.ts'
import { exportTrail, readLines, verifyTrail } from '../support/audit-trail.ts'
import { databaseKinds } from '../support/databases.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

async function appendMany({ services }: TestService, count: number): Promise<void> {
  const { db, now } = services
  await db.transaction(async (tx) => {
    for (let index = 0; index < count; index++) {
      const context = { operation: 'GET /', code: 'x' }
      await appendAuditEvent(
        tx,
        { type: 'operation.refused', actor: systemPrincipal, organizationId: null, subject: `${index}`, context },
        now(),
      )
    }
  })
}

describe.each(databaseKinds)('the export on %s', async (kind) => {
  const service = await startTestService(kind)
  const { organizationId } = service
  const admin = await service.createKey({ roles: ['admin'] })
  const other = await service.createOrganization()
  const foreign = await service.createKey({ roles: ['admin'], organizationId: other })
  const root = adminClient(service, service.rootKey)

  const get = (query: string, key = service.rootKey, method = 'GET') =>
    service.request(`/v1/audit-events/export${query}`, { method, headers: { 'X-API-Key': key } })

  test('contains everything that happened, ends with itself and can be verified', async () => {
    await root('POST', '/v1/api-keys', { name: 'first' })
    const lines = await exportTrail(service)
    const last = readLines(lines).at(-1)
    expect(last).toMatchObject({
      kind: 'event',
      event: { type: 'audit_events.exported', context: { format: 'jsonl', shown: {} } },
    })
    expect(await verifyTrail(lines)).toMatchObject({ faults: [], shown: Object(last).event.sequence })
  })

  test('continues over many pages', async () => {
    await appendMany(service, 1100)
    const { faults, events } = await verifyTrail(await exportTrail(service))
    expect(faults).toEqual([])
    expect(events).toBeGreaterThan(1100)
    const csv = await (await get('?format=csv')).text()
    expect(csv.trimEnd().split('\r\n')).toHaveLength(events + 2)
  })

  test('shows an admin its own organization in full, and of other events only their links', async () => {
    await adminClient(service, admin.secret)('POST', '/v1/api-keys', { name: 'ours' })
    await adminClient(service, foreign.secret)('POST', '/v1/api-keys', { name: 'theirs' })
    const lines = await exportTrail(service, { key: admin.secret })
    const shown = readLines(lines).flatMap((line) => (line.kind === 'event' ? [line.event] : []))
    expect(new Set(shown.map((event) => event.organizationId))).toEqual(new Set([organizationId]))
    expect(lines.join()).not.toContain(other)
    expect(lines.join()).not.toContain(foreign.id)
    const { faults, events } = await verifyTrail(lines)
    expect([faults, events > shown.length]).toEqual([[], true])
    const csv = await (await get('?format=csv', admin.secret)).text()
    expect(csv).toContain(admin.id)
    expect(csv).not.toContain(other)
  })

  test('shows a developer in full only what it did itself', async () => {
    const developer = await service.createKey({ roles: ['developer'] })
    const lines = await exportTrail(service, { key: developer.secret })
    const actors = readLines(lines).flatMap((line) => (line.kind === 'event' ? [line.event.actor] : []))
    expect(new Set(actors)).toEqual(new Set([developer.id]))
    expect((await verifyTrail(lines)).faults).toEqual([])
  })

  test('with a filter keeps the other events as links, and can still be verified', async () => {
    const lines = await exportTrail(service, { query: '?type=api_key.created' })
    const types = readLines(lines).flatMap((line) => (line.kind === 'event' ? [line.event.type] : []))
    expect(new Set(types)).toEqual(new Set(['api_key.created']))
    expect((await verifyTrail(lines)).faults).toEqual([])
  })

  test('stops if the database goes away in the middle, and does not look complete', async () => {
    const answer = await get('')
    await service.services.db.execute(sql`alter table audit_chain rename to lost`)
    await expect(answer.text()).rejects.toThrow()
    await service.services.db.execute(sql`alter table lost rename to audit_chain`)
    expect(service.logged.at(-1)).toMatchObject({ event: 'export_failed' })
  })

  test('does not look complete if events were deleted from the database', async () => {
    const cut = await startTestService(kind)
    const answer = await cut.request('/v1/audit-events/export', { headers: { 'X-API-Key': cut.rootKey } })
    await cut.services.db.delete(auditChain)
    const { faults } = await verifyTrail((await answer.text()).trimEnd().split('\n'))
    expect(faults.map(({ kind: found }) => found)).toContain('truncated')
  })

  test('stops reading when its reader has disconnected', async () => {
    const answer = await get('')
    await answer.body?.cancel()
    expect(await exportTrail(service)).not.toEqual([])
  })

  test('answers HEAD without a body', async () => {
    const answer = await get('?format=csv', service.rootKey, 'HEAD')
    expect([answer.status, await answer.text(), answer.headers.get('content-type')]).toEqual([
      200,
      '',
      'text/csv; charset=utf-8; header=present',
    ])
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test.each(['?format=xml', '?from=yesterday', '?result=maybe', '?limit=1', `?actor=${'x'.repeat(129)}`, '?type=%00'])(
    'refuses %s',
    async (query) => {
      expect((await get(query)).status).toBe(400)
    },
  )

  test('is refused to a caller without a role', async () => {
    expect((await get('', service.testKey)).status).toBe(403)
  })
})

describe.each(databaseKinds)('the list on %s', async (kind) => {
  const service = await startTestService(kind)
  const root = adminClient(service, service.rootKey)
  const admin = await service.createKey({ roles: ['admin'] })

  async function types(query: string, key = service.rootKey): Promise<string[]> {
    const { status, body } = await adminClient(service, key)('GET', `/v1/audit-events${query}`)
    expect(status).toBe(200)
    return Object(body).items.map(({ type }: { type: string }) => type)
  }

  test('can be filtered by each of its columns', async () => {
    const { body } = await root('POST', '/v1/api-keys', { name: 'a' })
    const { id } = Object(body).apiKey
    service.clock.advance(60)
    await adminClient(service, admin.secret)('GET', '/v1/api-keys/key_nothing')
    expect(await types('?type=api_key.created')).toEqual(['api_key.created'])
    expect(await types(`?subject=${id}`)).toEqual(['api_key.created'])
    expect(await types(`?actor=${admin.id}`)).toEqual(['operation.refused'])
    expect(await types('?actor=system')).toEqual(['service.bootstrapped'])
    expect(await types('?result=refused')).toEqual(['operation.refused'])
    expect(await types('?from=2026-11-02T10:01:00Z')).toEqual(['operation.refused'])
    expect(await types('?to=2026-11-02T11:01:00%2B01:00')).toEqual(['api_key.created', 'service.bootstrapped'])
    expect(await types(`?organizationId=${service.organizationId}&result=refused`)).toEqual(['operation.refused'])
    expect(await types('?type=organization.resumed')).toEqual([])
  })

  test('never shows more with a filter than an admin may see', async () => {
    const { secret } = await service.createKey({ roles: ['admin'], organizationId: await service.createOrganization() })
    const call = adminClient(service, secret)
    expect((await call('GET', `/v1/audit-events?organizationId=${service.organizationId}`)).status).toBe(404)
    expect(await types('?actor=system', secret)).toEqual([])
  })

  test('keeps its filter from page to page', async () => {
    const first = await root('GET', '/v1/audit-events?result=success&limit=1')
    const second = await root('GET', `/v1/audit-events?result=success&limit=1&cursor=${String(first.body.nextCursor)}`)
    expect(Object(second.body).items).toMatchObject([{ type: 'service.bootstrapped' }])
  })

  test('shows which request caused an event, and how long it took', async () => {
    const { body } = await root('GET', '/v1/audit-events?type=api_key.created')
    expect(Object(body).items[0]).toMatchObject({
      requestId: expect.stringMatching(/^req_/),
      durationMilliseconds: 0,
      sessionId: null,
    })
  })
})

describe('a cell of the CSV', () => {
  test.each([
    ['=cmd|calc', `"'=cmd|calc"`],
    ['+1', `"'+1"`],
    ['-1', `"'-1"`],
    ['@SUM(A1)', `"'@SUM(A1)"`],
    ['|x', `"'|x"`],
    [' =1+1', `"' =1+1"`],
    ['\t=1', `"'\t=1"`],
    ['\r=1', `"'\r=1"`],
    ['\ufeff=1', `"'\ufeff=1"`],
    ['＝1', `"'＝1"`],
    ['a=1', '"a=1"'],
    ['he said "no", twice', '"he said ""no"", twice"'],
    ['', '""'],
    [null, ''],
    [12, '12'],
  ])('%j becomes %s', (value, cell) => {
    expect(csvLine([value])).toBe(`${cell}\r\n`)
  })
})
