import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { systemPrincipal as root } from '../../src/access/principal.ts'
import { createApiKey } from '../../src/api-keys/create.ts'
import { deleteApiKey } from '../../src/api-keys/delete.ts'
import { importApiKeys } from '../../src/api-keys/import.ts'
import { purgeApiKeys } from '../../src/api-keys/maintenance.ts'
import { revokeApiKeys } from '../../src/api-keys/revoke-many.ts'
import { updateApiKey } from '../../src/api-keys/update.ts'
import { createAuditCheckpoint } from '../../src/audit/checkpoints.ts'
import { auditChain } from '../../src/db/schema.ts'
import { rewrapEnvelopes } from '../../src/keks/rewrap.ts'
import { assignRoles } from '../../src/members/operations.ts'
import { deleteOrganization } from '../../src/organization-deletion/delete.ts'
import { changeOrganizationPlan } from '../../src/organizations/change-limits.ts'
import { suspendOrganization } from '../../src/organizations/suspension.ts'
import { createPlan, deletePlan, updatePlan } from '../../src/plans/operations.ts'
import { createRole, updateRole } from '../../src/roles/operations.ts'
import { createRootKey } from '../../src/root-keys.ts'
import { deleteServiceAccount } from '../../src/service-accounts/delete.ts'
import { disableServiceAccount } from '../../src/service-accounts/disabling.ts'
import { createServiceAccount, updateServiceAccount } from '../../src/service-accounts/operations.ts'
import { replaceSigningKey } from '../../src/signing-keys/replace.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { exportTrail, verifyTrail } from '../support/audit-trail.ts'
import { databaseKinds } from '../support/databases.ts'
import { smallestLimits } from '../support/plan-limits.ts'
import { failuresOf, pairsOf } from '../support/raced-pairs.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

/** What the verbs of one race act on: they share it, so that they wait for each other. */
type Things = { organizationId: string; accountId: string; keyId: string; plan: string; role: string; hash: string }

const because = { reason: 'other' } as const
const token = { purpose: 'token' } as const
const permissions = ['api_keys.read:own']

/** Verbs of each noun. Those that write revocation rules are raced in test/systems/revocation-writers.test.ts, too. */
const verbs: Record<string, (service: TestService, things: Things) => Promise<unknown>> = {
  'create a key': ({ services }, { organizationId, accountId }) =>
    createApiKey(services, root, { name: 'raced', environment: 'live', organizationId, serviceAccountId: accountId }),
  'import a key': ({ services }, { organizationId, hash }) =>
    importApiKeys(services, root, {
      organizationId,
      rows: [{ index: 0, key: { name: 'imported', environment: 'live', hash, algorithm: 'sha256' } }],
    }),
  'let a key expire': ({ services, clock }, { keyId }) =>
    updateApiKey(services, root, keyId, { expiresAt: new Date(clock.now().getTime() + 3_600_000) }),
  'delete a key': ({ services }, { keyId }) => deleteApiKey(services, root, keyId),
  'revoke the keys of an account': ({ services }, { accountId }) =>
    revokeApiKeys(services, root, { serviceAccountId: accountId }, because),
  'purge keys': ({ services }) => purgeApiKeys(services),
  'assign roles': ({ services }, { accountId, role }) => assignRoles(services, root, accountId, [role]),
  'change an account': ({ services }, { accountId }) =>
    updateServiceAccount(services, root, accountId, { roles: ['developer'] }),
  'disable an account': ({ services }, { accountId }) => disableServiceAccount(services, root, accountId, because),
  'delete an account': ({ services }, { accountId }) => deleteServiceAccount(services, root, accountId),
  'change a role': ({ services }, { organizationId, role }) =>
    updateRole(services, root, role, { organizationId, permissions }),
  'change the plan': ({ services }, { organizationId, plan }) =>
    changeOrganizationPlan(services, root, organizationId, { plan }),
  'change the limits of a plan': ({ services }, { plan }) => updatePlan(services, root, plan, { apiKeys: 5 }),
  'delete a plan': ({ services }, { plan }) => deletePlan(services, root, plan),
  'suspend an organization': ({ services }, { organizationId }) =>
    suspendOrganization(services, root, organizationId, because),
  'delete an organization': ({ services }, { organizationId }) =>
    deleteOrganization(services, root, organizationId, { force: true }),
  'create a root key': ({ services }, { organizationId }) => createRootKey(services, { organizationId }),
  'rotate a signing key': ({ services }) => rotateSigningKey(services, root, { ...token, force: true }),
  'replace a signing key': ({ services }) => replaceSigningKey(services, root, token),
  'rewrap envelopes': ({ services }) => rewrapEnvelopes(services, root),
  'sign a checkpoint': ({ services }) => createAuditCheckpoint(services, root),
}

const pairs = Map.groupBy(pairsOf(Object.keys(verbs)), ([one]) => one)

async function prepare({ services, clock, ...service }: TestService, race: string): Promise<Things> {
  const organizationId = await service.createOrganization(race)
  const { id: accountId } = await createServiceAccount(services, root, { name: 'raced', organizationId })
  const { id: keyId } = await service.createKey({ organizationId, serviceAccountId: accountId })
  const longAgo = new Date(clock.now().getTime() - 200 * 86_400_000)
  await service.createKey({ organizationId, serviceAccountId: accountId, revokedAt: longAgo })
  const { name: plan } = await createPlan(services, root, { name: `plan-${race}`, ...smallestLimits })
  const { name: role } = await createRole(services, root, { name: 'raced', organizationId, permissions })
  return { organizationId, accountId, keyId, plan, role, hash: randomBytes(32).toString('base64url') }
}

describe.runIf(databaseKinds.includes('postgres'))('two verbs at once, twice each, never deadlock', async () => {
  const service = await startTestService('postgres')

  test.each(Object.entries(verbs))('%s succeeds alone', async (_, run) => {
    const things = await prepare(service, randomBytes(8).toString('hex'))
    await run(service, things)
    service.clock.advance(1)
  })

  test.each([...pairs])('%s, with each other verb', async (_, others) => {
    for (const [one, other] of others) {
      const things = await prepare(service, randomBytes(8).toString('hex'))
      const runs = [one, other, one, other].map((verb) => verbs[verb]?.(service, things))
      expect([one, other, failuresOf(await Promise.allSettled(runs))]).toEqual([one, other, []])
      service.clock.advance(1)
    }
    // Counts what the server refused, also where a repetition succeeded.
    expect(service.database.stats().refusedWrites.lock).toBe(0)
  })

  test('and the audit trail of all of that is whole', async () => {
    expect(await service.services.db.$count(auditChain)).toBeGreaterThan(pairs.size)
    expect(await verifyTrail(await exportTrail(service))).toMatchObject({ faults: [] })
  })
})
