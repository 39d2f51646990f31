import { expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { revokeApiKey } from '../../src/api-keys/revoke.ts'
import { revocations } from '../../src/db/schema.ts'
import { startNewGeneration } from '../../src/revocation/maintenance-queries.ts'
import { openTestDatabase } from '../support/databases.ts'
import { startTestService } from '../support/test-service.ts'

test('a revocation succeeds even when this process can no longer read its list, and the log says so', async () => {
  const service = await startTestService()
  const { id } = await service.createKey()
  await service.services.revocations.close()
  await revokeApiKey(service.services, systemPrincipal, id, { reason: 'leaked' })
  expect(await service.database.db.select().from(revocations)).toMatchObject([{ kind: 'api_key', value: id }])
  expect(service.logged).toContainEqual(expect.objectContaining({ level: 'warn', event: 'revocations.refresh_failed' }))
})

test('a database that was never started cannot start a new generation', async () => {
  const { db } = await openTestDatabase('embedded')
  await expect(db.transaction((tx) => startNewGeneration(tx, new Date(0)))).rejects.toThrow('never started')
  expect(await db.select().from(revocations)).toEqual([])
})
