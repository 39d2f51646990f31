import { beforeAll, describe, expect, test } from 'vitest'
import { type AdminCall, adminClient, adminClientWith } from '../../support/admin-client.ts'
import { databaseKinds } from '../../support/databases.ts'
import { startTestService, type TestService } from '../../support/test-service.ts'

describe.each(databaseKinds)('KEKs in the admin API on %s', (kind) => {
  let service: TestService
  let root: AdminCall
  beforeAll(async () => {
    service = await startTestService(kind)
    root = adminClient(service, service.rootKey)
  })

  test('are listed by id, with what each sealed', async () => {
    const [id] = service.services.keyEncryption.kekIds
    const { status, body } = await root('GET', '/v1/keks')
    expect({ status, body }).toEqual({
      status: 200,
      body: { items: [{ id, use: 'seals', envelopes: 4, liveEnvelopes: 4 }], nextCursor: null },
    })
  })

  test('can be rewrapped by a POST without a body, and the audit trail records it', async () => {
    const [kek] = service.services.keyEncryption.kekIds
    const { status, body } = await root('POST', '/v1/keks/rewrap')
    expect({ status, body }).toEqual({ status: 200, body: { kek, envelopes: 4, moved: 0, left: [] } })
    const trail = await root('GET', '/v1/audit-events?limit=1')
    expect(trail.body.items).toMatchObject([
      { type: 'kek.rewrapped', result: 'success', subject: kek, context: { moved: 0, envelopes: 4 } },
    ])
  })

  test('are hidden from everyone but root', async () => {
    const admin = await adminClientWith(service, { roles: ['admin'], audiences: [service.services.config.issuer] })
    expect((await admin('GET', '/v1/keks')).body).toMatchObject({ status: 403, code: 'permission_denied' })
    expect((await admin('POST', '/v1/keks/rewrap')).body).toMatchObject({ status: 403, code: 'permission_denied' })
  })
})
