import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { migrationsFolder } from '../../src/db/migrate.ts'
import { latestMigration, migrationState } from '../../src/db/migration-state.ts'
import { databaseKinds, openTestDatabase } from '../support/databases.ts'

test('the migration that the code expects is the last one in the folder', () => {
  const { entries } = JSON.parse(readFileSync(join(migrationsFolder, 'meta/_journal.json'), 'utf8'))
  expect(entries.at(-1)).toMatchObject(latestMigration)
})

describe.each(databaseKinds)('on %s', (kind) => {
  test('a migrated database is current', async () => {
    const { db } = await openTestDatabase(kind)
    expect(await migrationState(db)).toBe('current')
  })
})
