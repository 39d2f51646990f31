import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { cancelRotation } from '../../src/api-keys/cancel-rotation.ts'
import { deleteApiKey } from '../../src/api-keys/delete.ts'
import { disableApiKey, enableApiKey } from '../../src/api-keys/disable.ts'
import { revokeApiKey } from '../../src/api-keys/revoke.ts'
import { revokeApiKeys } from '../../src/api-keys/revoke-many.ts'
import { rotateApiKey } from '../../src/api-keys/rotate.ts'
import { revocations } from '../../src/db/schema.ts'
import { ServiceError } from '../../src/errors.ts'
import type { RevocationSource } from '../../src/kit/revocation/synced.ts'
import { deleteOrganization } from '../../src/organization-deletion/delete.ts'
import { resumeOrganization, suspendOrganization } from '../../src/organizations/suspension.ts'
import { declareRestored } from '../../src/restore.ts'
import { serviceRevocationSource } from '../../src/revocation/list-queries.ts'
import { pruneRevocations, raiseLargestTokenTtl } from '../../src/revocation/maintenance-queries.ts'
import { liftRevocationRule } from '../../src/revocation/rule-queries.ts'
import { liftRevocation } from '../../src/revocations/operations.ts'
import { advanceRingGeneration } from '../../src/signing-keys/queries.ts'
import { replaceSigningKey } from '../../src/signing-keys/replace.ts'
import { databaseKinds } from '../support/databases.ts'
import { addRule } from '../support/revocation-rules.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

/** What the verbs of one race act on. Some share it, so that they wait for each other. */
type Things = {
  organizationId: string
  suspendedId: string
  keyId: string
  disabledId: string
  rotatedId: string
  ruleId: string
  ttlSeconds: number
}

const because = { reason: 'other' } as const

const verbs: Record<string, (service: TestService, things: Things) => Promise<unknown>> = {
  revoke: ({ services }, { keyId }) => revokeApiKey(services, systemPrincipal, keyId, because),
  'revoke many': ({ services }, { organizationId }) =>
    revokeApiKeys(services, systemPrincipal, { organizationId }, because),
  disable: ({ services }, { keyId }) => disableApiKey(services, systemPrincipal, keyId),
  enable: ({ services }, { disabledId }) => enableApiKey(services, systemPrincipal, disabledId),
  'rotate without an overlap': ({ services }, { keyId }) =>
    rotateApiKey(services, systemPrincipal, keyId, { overlapSeconds: 0 }),
  suspend: ({ services }, { organizationId }) =>
    suspendOrganization(services, systemPrincipal, organizationId, because),
  resume: ({ services }, { suspendedId }) => resumeOrganization(services, systemPrincipal, suspendedId),
  'take a rotation back': ({ services }, { rotatedId }) => cancelRotation(services, systemPrincipal, rotatedId),
  'delete a key': ({ services }, { keyId }) => deleteApiKey(services, systemPrincipal, keyId),
  'delete an organization': ({ services }, { organizationId }) =>
    deleteOrganization(services, systemPrincipal, organizationId, { force: true }),
  lift: ({ services }, { ruleId }) => liftRevocation(services, systemPrincipal, ruleId),
  restored: ({ services }) => declareRestored(services),
  'raise the largest lifetime': ({ services }, { ttlSeconds }) =>
    raiseLargestTokenTtl(services.db, ttlSeconds, advanceRingGeneration),
  prune: ({ services }) => pruneRevocations(services.db, services.now()),
  'replace a signing key': ({ services }) => replaceSigningKey(services, systemPrincipal, { purpose: 'token' }),
}

const pairs = Object.keys(verbs).flatMap((one, index) =>
  Object.keys(verbs)
    .slice(index)
    .map((other) => [one, other] as const),
)

async function prepare({ services, clock, ...service }: TestService, race: number): Promise<Things> {
  const [organizationId, suspendedId] = [
    await service.createOrganization(`raced ${race}`),
    await service.createOrganization(`suspended ${race}`),
  ]
  await suspendOrganization(services, systemPrincipal, suspendedId, because)
  const { id: keyId } = await service.createKey({ organizationId })
  const { id: disabledId } = await service.createKey({ organizationId })
  await disableApiKey(services, systemPrincipal, disabledId)
  const { id: rotatedId } = await service.createKey({ organizationId })
  await rotateApiKey(services, systemPrincipal, rotatedId, { overlapSeconds: 3600 })
  const ruleId = await addRule(services.db, clock.now(), { kind: 'token', value: `lifted ${race}` })
  const longLifted = await addRule(services.db, clock.now(), { kind: 'token', value: `pruned ${race}` })
  await liftRevocationRule(services.db, longLifted, new Date(0))
  return { organizationId, suspendedId, keyId, disabledId, rotatedId, ruleId, ttlSeconds: 100_000 + race }
}

/** Reads what is new, again and again, and nothing twice: what it misses once, it misses for ever. */
async function readAlong(source: RevocationSource, isOver: () => boolean) {
  const rows = new Map<string, number>()
  let number = 0
  for (let isLast = false; !isLast; ) {
    isLast = isOver()
    const batch = await source.read(number)
    expect(batch.sequence).toBeGreaterThanOrEqual(number)
    for (const { id, sequence } of batch.rows) rows.set(id, sequence)
    number = batch.sequence
  }
  return rows
}

/** Refusals are answers. A deadlock, a timeout and an unexpected error are not. */
function failures(results: readonly PromiseSettledResult<unknown>[]): unknown[] {
  const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  return reasons.filter((reason) => !(reason instanceof ServiceError) || reason.status >= 500)
}

describe.runIf(databaseKinds.includes('postgres'))('everything that writes rules, in all pairs at once', () => {
  test('never deadlocks, and a reader that follows the numbers misses nothing', async () => {
    const service = await startTestService('postgres')
    const { db, database } = service.services
    let isOver = false
    const reader = readAlong(serviceRevocationSource(db), () => isOver)
    try {
      for (const [race, [one, other]] of pairs.entries()) {
        const things = await prepare(service, race)
        const runs = [one, other, one, other].map((verb) => verbs[verb]?.(service, things))
        expect([one, other, failures(await Promise.allSettled(runs))]).toEqual([one, other, []])
      }
    } finally {
      isOver = true
      await reader
    }
    const seen = await reader
    // Counts what the server refused, also where a repetition succeeded.
    expect(database.stats().refusedWrites.lock).toBe(0)
    const stored = await db.select({ id: revocations.id, sequence: revocations.sequence }).from(revocations)
    expect(stored.length).toBeGreaterThan(pairs.length)
    for (const { id, sequence } of stored) expect([id, seen.get(id)]).toEqual([id, sequence])
  })
})
