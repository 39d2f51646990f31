import { describe, expect, test } from 'vitest'
import type { Role } from '../../src/access/permissions.ts'
import { type Principal, systemPrincipal } from '../../src/access/principal.ts'
import { appendAuditEvent } from '../../src/audit/append-queries.ts'
import { listAuditEvents } from '../../src/audit/operations.ts'
import { databaseKinds } from '../support/databases.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('the audit trail on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services } = service

  function caller(organizationId: string, agent: string | null = null): Principal {
    return {
      clientId: 'key_caller',
      organizationId,
      roles: new Set<Role>(['admin']),
      scopes: new Set(),
      audiences: new Set(),
      origin: { requestId: 'req_1', address: '192.0.2.7', agent },
    }
  }

  const refused = async (actor: Principal, subject: string) => {
    const operation = `GET /v1/${subject}`
    await services.refusals.record(actor, { operation, subject, code: 'not_found', reason: undefined })
  }

  test('begins with the first start', async () => {
    const { items } = await listAuditEvents(services, systemPrincipal, { limit: 200 })
    expect(items.at(-1)).toMatchObject({ type: 'service.bootstrapped', actor: 'system', result: 'success' })
  })

  test('shows an admin its own organization, page by page, newest first', async () => {
    const own = caller(await service.createOrganization())
    const other = caller(await service.createOrganization())
    for (const subject of ['a', 'b', 'c']) {
      await refused(own, subject)
      await refused(other, `other ${subject}`)
    }
    const first = await listAuditEvents(services, own, { limit: 2 })
    expect(first.items.map(({ subject }) => subject)).toEqual(['c', 'b'])
    const last = await listAuditEvents(services, own, { limit: 2, cursor: first.nextCursor ?? undefined })
    expect(last.items.map(({ subject }) => subject)).toEqual(['a'])
    expect(last.nextCursor).toBeNull()
  })

  test.each(['', 'abc', '1e3', '-1', '9'.repeat(16), "1' or 1=1"])('refuses the cursor %j', async (cursor) => {
    await expect(listAuditEvents(services, systemPrincipal, { limit: 1, cursor })).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })

  test("stores at most 256 characters of the caller's user agent", async () => {
    const talkative = caller(await service.createOrganization(), 'x'.repeat(10_000))
    await refused(talkative, 'key_x')
    const { items } = await listAuditEvents(services, talkative, { limit: 1 })
    expect(items[0]?.agent).toBe('x'.repeat(256))
  })

  test('drops the event if its transaction is rolled back', async () => {
    const own = caller(await service.createOrganization())
    const context = { revocationId: 'rev_1', effectiveAt: '2026-11-02T10:00:00.000Z', text: null }
    const undone = services.db.transaction(async (tx) => {
      const { organizationId } = own
      await appendAuditEvent(
        tx,
        { type: 'api_key.revoked', actor: own, organizationId, subject: 'key_1', context },
        services.now(),
      )
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    expect((await listAuditEvents(services, own, { limit: 1 })).items).toEqual([])
  })

  test('is refused to a caller without a role', async () => {
    const nobody = { ...caller('org_1'), roles: new Set<Role>() }
    await expect(listAuditEvents(services, nobody, { limit: 1 })).rejects.toMatchObject({ code: 'permission_denied' })
  })
})
