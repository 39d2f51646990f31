import { asc } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { createApp } from '../../src/app.ts'
import { keepCheckpoints } from '../../src/audit/checkpoints.ts'
import { newId } from '../../src/crypto/random.ts'
import { auditChain, auditCheckpoints } from '../../src/db/schema.ts'
import { runMaintenance } from '../../src/maintenance.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { adminClient } from '../support/admin-client.ts'
import { exportTrail, verifyTrail } from '../support/audit-trail.ts'
import { databaseKinds } from '../support/databases.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

async function checkpointsOf({ services }: TestService): Promise<number[]> {
  const rows = await services.db.select().from(auditCheckpoints).orderBy(asc(auditCheckpoints.sequence))
  return rows.map(({ sequence }) => sequence)
}

async function tell({ services }: TestService): Promise<void> {
  const operation = `GET /${newId('evt')}` // equal refusals of the same minute would become one event
  await services.refusals.record(systemPrincipal, { operation, subject: null, code: 'not_found', reason: undefined })
}

describe.each(databaseKinds)('checkpoints on %s', (kind) => {
  test('are made once an hour by maintenance, and only if there are new events', async () => {
    const service = await startTestService(kind, { emptied: true })
    expect(await runMaintenance(service.services)).toBe(true)
    expect(await checkpointsOf(service)).toEqual([1])
    await tell(service)
    service.clock.advance(3599)
    await keepCheckpoints(service.services)
    expect(await checkpointsOf(service)).toEqual([1])
    service.clock.advance(1)
    await keepCheckpoints(service.services)
    expect(await checkpointsOf(service)).toEqual([1, 2])
    service.clock.advance(3600)
    await keepCheckpoints(service.services)
    expect(await checkpointsOf(service)).toEqual([1, 2])
  })

  test('are still made after a clock was set back', async () => {
    const service = await startTestService(kind, { emptied: true })
    service.clock.advance(2 * 86_400)
    await keepCheckpoints(service.services)
    await tell(service)
    service.clock.advance(-86_400)
    await keepCheckpoints(service.services)
    expect(await checkpointsOf(service)).toEqual([1, 2])
  })

  test('are made once if several instances try at the same time', async () => {
    const service = await startTestService(kind, { emptied: true })
    await Promise.all(Array.from({ length: 5 }, () => keepCheckpoints(service.services)))
    expect(await checkpointsOf(service)).toEqual([1])
  })

  test('can be requested, and cover the event that records the request', async () => {
    const service = await startTestService(kind, { emptied: true })
    const { status, body } = await adminClient(service, service.rootKey)('POST', '/v1/audit-checkpoints')
    expect([status, body]).toEqual([
      201,
      expect.objectContaining({ sequence: 2, count: 2, createdAt: '2026-11-02T10:00:00.000Z' }),
    ])
    const [, link] = await service.services.db.select().from(auditChain).orderBy(asc(auditChain.sequence))
    expect(body.hash).toBe(link?.hash)
    expect((await verifyTrail(await exportTrail(service), { checkpoints: [String(body.signed)] })).faults).toEqual([])
  })

  test('can be requested only by root', async () => {
    const service = await startTestService(kind, { emptied: true })
    for (const role of ['admin', 'read_only'] as const) {
      const { secret } = await service.createKey({ roles: [role] })
      expect((await adminClient(service, secret)('POST', '/v1/audit-checkpoints')).status).toBe(403)
    }
    expect(await checkpointsOf(service)).toEqual([])
  })

  test('stay valid after the record key that signed them has retired', async () => {
    const service = await startTestService(kind, { emptied: true })
    await keepCheckpoints(service.services)
    service.clock.advance(86_400)
    await rotateSigningKey(service.services, systemPrincipal, { purpose: 'record', force: true })
    await keepCheckpoints(service.services)
    const { faults, checkpoints, seal } = await verifyTrail(await exportTrail(service))
    expect([faults, checkpoints]).toEqual([[], 3])
    expect(seal?.kid).toBe((await service.services.checkpointSigner()).kid)
  })

  test('continue if one in the database cannot be read', async () => {
    const service = await startTestService(kind, { emptied: true })
    await keepCheckpoints(service.services)
    await service.services.db.update(auditCheckpoints).set({ signed: 'nothing' })
    await tell(service)
    const { body } = await adminClient(service, service.rootKey)('POST', '/v1/audit-checkpoints')
    expect(body).toMatchObject({ sequence: 3, count: 3 })
    expect((await verifyTrail(await exportTrail(service))).faults).toMatchObject([{ kind: 'bad_checkpoint' }])
  })
})

describe.each(databaseKinds)('a changed issuer on %s', (kind) => {
  const later = (service: TestService, issuer: string): TestService => {
    const services = { ...service.services, config: { ...service.services.config, issuer } }
    const app = createApp(() => services)
    return { ...service, services, app, request: async (path, init) => await app.request(path, init) }
  }

  test('is an event of the trail, and every export is valid under all issuers, filtered ones too', async () => {
    const first = await startTestService(kind, { emptied: true })
    await keepCheckpoints(first.services)
    const second = later(first, 'https://second.example')
    await keepCheckpoints(second.services)
    await keepCheckpoints(second.services)
    const third = later(first, 'https://third.example')
    const lines = await exportTrail(third)
    expect(await verifyTrail(lines)).toMatchObject({ faults: [], issuer: 'https://third.example' })
    const changes = (await exportTrail(third, { query: '?type=service.issuer_changed' })).flatMap((line) => {
      const { kind, event } = JSON.parse(line)
      return kind === 'event' ? [event.context] : []
    })
    expect(changes).toEqual([
      { from: 'https://auth.example', to: 'https://second.example' },
      { from: 'https://second.example', to: 'https://third.example' },
    ])
    const filtered = await exportTrail(third, { query: '?type=api_key.created' })
    expect((await verifyTrail(filtered)).faults).toEqual([])
  })

  test('is a fault without its event, and a checkpoint in the wrong place is one too', async () => {
    const first = await startTestService(kind, { emptied: true })
    await keepCheckpoints(first.services)
    const second = later(first, 'https://second.example')
    const lines = await exportTrail(second)
    const hidden = lines.map((line) => {
      const read = JSON.parse(line)
      if (read.event?.type !== 'service.issuer_changed') return line
      const { previousHash, hash, event } = read
      return JSON.stringify({ kind: 'link', sequence: event.sequence, previousHash, hash })
    })
    expect((await verifyTrail(hidden)).faults.map(({ kind }) => kind)).toContain('bad_checkpoint')
  })
})
