import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eq, sql } from 'drizzle-orm'
import { beforeAll, expect, test } from 'vitest'
import { migrationsFolder } from '../../src/db/migrate.ts'
import { apiKeys, organizations, revocations, serviceAccounts } from '../../src/db/schema.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

const earlier = new Date('2026-10-01T10:00:00.000Z')
const long = new Date('2100-01-01T00:00:00.000Z')

const migration = readdirSync(migrationsFolder).find((name) => name.endsWith('_in_force_by_being_there.sql')) ?? ''

let service: TestService
beforeAll(async () => {
  service = await startTestService()
})

/** What the migration changes in rows that the previous version wrote. */
async function migrateRows(): Promise<void> {
  const [, ...statements] = readFileSync(join(migrationsFolder, migration), 'utf8').split('--> statement-breakpoint')
  for (const statement of statements) {
    if (/^\s*(--.*\n)?(UPDATE|DO)/.test(statement)) await service.database.db.execute(sql.raw(statement))
  }
}

/** A rule as the previous version wrote it: with its own time. */
async function oldRule(id: string, kind: 'api_key' | 'organization', value: string, changes: object = {}) {
  const rule = { id, kind, value, effectiveAt: earlier, createdAt: earlier, reason: 'disabled', actor: 'system' }
  await service.database.db.insert(revocations).values({ ...rule, ...changes })
}

test('a migrated key, account and organization know the rule that switched them off, and unplanned rules lose their time', async () => {
  const { db } = service.database
  const organizationId = await service.createOrganization()
  await db.update(organizations).set({ suspendedAt: earlier }).where(eq(organizations.id, organizationId))
  const account = { organizationId, name: 'ci', description: '', roles: [], createdAt: earlier, createdBy: 'system' }
  await db.insert(serviceAccounts).values({ id: 'svc_1', ...account, disabledAt: earlier })
  const off = await service.createKey({ organizationId, disabledAt: earlier, serviceAccountId: 'svc_1' })
  const planned = await service.createKey({ organizationId, revokedAt: long })
  await db.update(apiKeys).set({ revocationPlanned: false })
  await oldRule('rev_key', 'api_key', off.id)
  await oldRule('rev_account', 'api_key', off.id, { reason: 'other' })
  await oldRule('rev_closed', 'api_key', off.id, { issuedBefore: earlier })
  await oldRule('rev_organization', 'organization', organizationId, { reason: 'abuse' })
  await oldRule('rev_planned', 'api_key', planned.id, { effectiveAt: long })
  await migrateRows()

  const times = await db.select({ id: revocations.id, at: revocations.effectiveAt }).from(revocations)
  expect(new Map(times.map(({ id, at }) => [id, at]))).toEqual(
    new Map<string, Date | null>([
      ['rev_key', null],
      ['rev_account', null],
      ['rev_closed', null],
      ['rev_organization', null],
      ['rev_planned', long],
    ]),
  )
  const keys = await db.select().from(apiKeys).where(eq(apiKeys.organizationId, organizationId))
  const byId = new Map(keys.map((key) => [key.id, key]))
  expect(byId.get(off.id)).toMatchObject({ disabledRuleId: 'rev_key', revocationPlanned: false })
  expect(byId.get(planned.id)).toMatchObject({ disabledRuleId: null, revocationPlanned: true })
  expect(await db.select({ ids: serviceAccounts.disabledRuleIds }).from(serviceAccounts)).toEqual([
    { ids: ['rev_account'] },
  ])
  expect(
    await db
      .select({ id: organizations.suspendedRuleId })
      .from(organizations)
      .where(eq(organizations.id, organizationId)),
  ).toEqual([{ id: 'rev_organization' }])
})
