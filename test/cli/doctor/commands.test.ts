import { join } from 'node:path'
import { eq } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { openEmbedded } from '../../../src/db/pglite.ts'
import { apiKeys } from '../../../src/db/schema.ts'
import { mintage } from '../../support/run-cli.ts'
import { startedFolder } from '../../support/started-folder.ts'

/** What doctor prints while the service is down, with these claims on the test key of a first start. */
async function diagnosed(customClaims: Record<string, unknown>) {
  const { folder } = await startedFolder()
  const database = await openEmbedded({ folder: join(folder, '.mintage/data') })
  const [key] = await database.db
    .update(apiKeys)
    .set({ customClaims })
    .where(eq(apiKeys.name, 'test'))
    .returning({ id: apiKeys.id })
  await database.close()
  const { stdout } = await mintage(['doctor'], { cwd: folder, env: { PORT: '9' } })
  return { id: key?.id, stdout }
}

test('mintage doctor names the keys whose custom claims are reserved now, which is not a failure', async () => {
  const { id, stdout } = await diagnosed({ permissions: ['*'], team: 'orders' })
  expect(stdout).toMatch(
    new RegExp(
      `^ok +custom claims +reserved now, so the next change of the key is refused: ${id} \\(permissions\\)$`,
      'm',
    ),
  )
})

test('mintage doctor names no key whose custom claims are free', async () => {
  const { stdout } = await diagnosed({ team: 'orders' })
  expect(stdout).toMatch(/^ok +custom claims$/m)
})
