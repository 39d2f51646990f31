import { eq } from 'drizzle-orm'
import { beforeEach, describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { createApiKey } from '../../src/api-keys/create.ts'
import { revokeApiKeys } from '../../src/api-keys/revoke-many.ts'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { auditEvents } from '../../src/db/schema.ts'
import { abandonKek } from '../../src/keks/abandon.ts'
import { runMaintenance } from '../../src/maintenance.ts'
import { declareRestored } from '../../src/restore.ts'
import { createRootKey } from '../../src/root-keys.ts'
import { ringServices, startRing } from '../signing-keys/ring-service.ts'
import { adminClient } from '../support/admin-client.ts'
import { adminRequests, pathOf } from '../support/admin-requests.ts'
import { type ApiOperation, readApiDocument } from '../support/api-document.ts'
import { lockPlaces, locksOf, misplacedLocks } from '../support/lock-order.ts'
import { exchange, form } from '../support/oauth-requests.ts'
import { type RecordedStatement, recordTransactions } from '../support/recorded-transactions.ts'
import { secondInstance } from '../support/second-instance.ts'
import { createTenant } from '../support/tenant.ts'
import { startTestService } from '../support/test-service.ts'

const day = 86_400

const service = await startTestService()
const { operations } = await readApiDocument(service)
/** It changes nothing, although it is a POST. */
const reads = ['findLeakedApiKey']
const changes = operations.filter(({ method, operationId }) => method !== 'GET' && !reads.includes(operationId))
const { database, transactions } = recordTransactions(service.database)
const recorded = secondInstance(service, database)

/** What a change undoes must have happened first. */
const undone: Readonly<Record<string, readonly [RegExp, string]>> = {
  resumeOrganization: [/resume$/, 'suspend'],
  enableServiceAccount: [/enable$/, 'disable'],
  enableApiKey: [/enable$/, 'disable'],
}

async function perform({ operationId, method, path }: ApiOperation): Promise<void> {
  const tenant = await createTenant(service, await service.createOrganization())
  const own = path.startsWith('/v1/me/')
  const secret = own
    ? (await service.createKey({ rotated: operationId === 'cancelRotationOfCaller' })).secret
    : undefined
  const request = await adminRequests[operationId]?.(tenant)
  if (!request) throw new Error(`${operationId} needs an example in support/admin-requests.ts`)
  const [ending, opposite] = undone[operationId] ?? []
  if (ending && opposite)
    await adminClient(service, service.rootKey)('POST', pathOf(path.replace(ending, opposite), request), {})
  const { body } = request
  const call = adminClient(recorded, secret ?? service.rootKey)
  for (const each of body && 'dryRun' in body ? [body, { ...body, dryRun: false }] : [body]) {
    const answer = await call(method, pathOf(path, request), each, { 'Idempotency-Key': crypto.randomUUID() })
    expect(answer.status, answer.text).toBeLessThan(300)
  }
}

function expectOrder(transactions: readonly (readonly RecordedStatement[])[]): void {
  const locks = transactions.flatMap((each) => each.flatMap(locksOf))
  expect(locks).toContain('audit_head')
  expect(transactions.flatMap(misplacedLocks)).toEqual([])
}

beforeEach(() => {
  transactions.splice(0)
})

describe('every transaction takes its locks in the order of docs/architecture.md', () => {
  test('which names each lock once', () => {
    expect([...lockPlaces.keys()]).toEqual(expect.arrayContaining(['rights', 'ring', 'organizations', 'audit_head']))
    expect([...lockPlaces.values()]).toEqual([...lockPlaces.values()].sort((one, other) => one - other))
  })

  test('a refusal, and a client that revokes its token or its key', async () => {
    const { secret } = await service.createKey()
    const { access_token: token } = await exchange(service, secret)
    const refused = await adminClient(recorded, secret)('POST', '/v1/organizations', { name: 'refused' })
    expect(refused.status).toBe(403)
    for (const ended of [token, secret])
      expect((await recorded.request('/revoke', form({ token: ended }, { 'X-API-Key': secret }))).status).toBe(200)
    expect(transactions).toHaveLength(3)
    expectOrder(transactions)
  })

  test.each(changes)('$name', async (operation) => {
    await perform(operation)
    expectOrder(transactions)
  })

  test('a new root key, and a restore', async () => {
    await createRootKey(recorded.services)
    await declareRestored(recorded.services)
    expect(transactions).toHaveLength(2)
    expectOrder(transactions)
  })

  test('a KEK that is abandoned', async () => {
    const ring = await startRing('embedded')
    const record = recordTransactions(ring.database)
    const services = await ringServices(record.database, ring.clock, generateRawKek())
    await abandonKek(services, ring.keyEncryption.kekIds[0] ?? '')
    expectOrder(record.transactions)
  })

  test('maintenance that plans a signing key, reminds of a rotation and deletes a key', async () => {
    const { clock, services } = service
    const due = { name: 'due', environment: 'live', rotateEverySeconds: 91 * day } as const
    await createApiKey(services, systemPrincipal, { ...due, organizationId: await service.createOrganization() })
    await service.createKey({ revokedAt: clock.now() })
    clock.advance(90.5 * day)
    await runMaintenance(recorded.services)
    const { sequence: _, ...kinds } = auditEvents
    const events = await services.db.select({ type: kinds.type }).from(auditEvents).where(eq(kinds.actor, 'system'))
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['signing_key.created', 'api_key.rotation_due', 'api_key.purged']),
    )
    expectOrder(transactions)
  })
})

describe('the audit trail costs', () => {
  /** The statements of the last transaction with the end of the trail and after it. */
  const atTheEnd = () => {
    const statements = transactions.findLast((each) => each.flatMap(locksOf).includes('audit_head')) ?? []
    return statements.slice(statements.findIndex((each) => locksOf(each).includes('audit_head'))).length
  }

  test('two statements of a change with one event', async () => {
    const root = adminClient(recorded, service.rootKey)
    expect((await root('POST', '/v1/api-keys', { name: 'counted' })).status).toBe(201)
    expect(atTheEnd()).toBe(2)
  })

  test('three statements of a change with many events', async () => {
    for (let made = 0; made < 5; made += 1)
      await service.createKey({ organizationId: await service.createOrganization() })
    const revoked = await revokeApiKeys(
      recorded.services,
      systemPrincipal,
      { environment: 'live' },
      { reason: 'other', force: true },
    )
    expect(revoked.apiKeys).toBeGreaterThan(5)
    const before = await service.services.db.$count(auditEvents, eq(auditEvents.type, 'api_keys.revoked'))
    expect(before).toBeGreaterThan(5)
    expect(atTheEnd()).toBe(3)
  })
})
