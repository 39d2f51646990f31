import { describe, expect, test } from 'vitest'
import { apiKeyUsage } from '../../src/db/schema.ts'
import { databaseKinds } from '../support/databases.ts'
import { emptiedDatabase } from '../support/empty-database.ts'

describe.each(databaseKinds)('a list of texts on %s', (kind) => {
  test.each([
    [[]],
    [['']],
    [['a', 'b c', 'NULL', 'null']],
    [['\\', '\\\\', 'a\\b', '"', '\\"', '{', '}', ',', '{"a",b}', ' ', '\n', "'", 'é😀']],
  ])('comes back as it went in: %j', async (texts) => {
    const { db } = await emptiedDatabase(kind)
    const at = new Date(0)
    const row = {
      apiKeyId: 'key_1',
      version: 1,
      exchanges: 1,
      authentications: 1,
      lastUsedAt: at,
      lastExpiresAt: at,
      addresses: texts,
      agents: texts.toReversed(),
    }
    await db.insert(apiKeyUsage).values(row)
    expect(await db.select().from(apiKeyUsage)).toEqual([row])
  })
})
