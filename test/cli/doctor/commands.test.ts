import { join } from 'node:path'
import { eq } from 'drizzle-orm'
import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { generateApiKey } from '../../../src/api-keys/format.ts'
import { openEmbedded } from '../../../src/db/pglite.ts'
import { apiKeys } from '../../../src/db/schema.ts'
import { createPostgresDatabase, databaseKinds } from '../../support/databases.ts'
import { deploymentEnvironment } from '../../support/deployment-environment.ts'
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

describe.runIf(databaseKinds.includes('postgres'))('mintage doctor on PostgreSQL', () => {
  test('names each lock whose row was deleted, and how to add it', async () => {
    const databaseUrl = await createPostgresDatabase()
    const env = deploymentEnvironment({ databaseUrl, issuer: 'http://localhost:1', rootKey: generateApiKey('live') })
    expect((await mintage(['bootstrap'], { env })).code).toBe(0)
    const locks = async () => {
      const { stdout } = await mintage(['doctor', '--json'], { env: { ...env, PORT: '9' } })
      return JSON.parse(stdout).checks.find(({ name }: { name: string }) => name === 'locks')
    }
    const owner = postgres(databaseUrl, { max: 1 })
    await owner`delete from change_locks where name <> 'rights'`
    const { state, detail } = await locks()
    expect(state).toBe('failed')
    const [add = ''] = /insert into .*$/.exec(detail) ?? []
    await owner.unsafe(add)
    expect(await locks()).toEqual({ name: 'locks', state: 'ok' })
    await owner.end()
  })

  test('names a transaction that was prepared and not ended, and what to do', async () => {
    const databaseUrl = await createPostgresDatabase()
    const env = deploymentEnvironment({ databaseUrl, issuer: 'http://localhost:1', rootKey: generateApiKey('live') })
    expect((await mintage(['bootstrap'], { env })).code).toBe(0)
    const transactions = async () => {
      const { stdout } = await mintage(['doctor', '--json'], { env: { ...env, PORT: '9' } })
      return JSON.parse(stdout).checks.find(({ name }: { name: string }) => name === 'open transactions')
    }
    expect((await transactions()).state).toBe('ok')
    const coordinator = postgres(databaseUrl, { max: 1 })
    await coordinator.unsafe(`begin; update organizations set name = 'held'; prepare transaction 'left behind'`)
    try {
      expect(await transactions()).toMatchObject({
        state: 'failed',
        detail: expect.stringContaining('the transaction left behind is prepared since 0 min'),
        hint: expect.stringContaining('rollback prepared'),
      })
    } finally {
      await coordinator.unsafe(`rollback prepared 'left behind'`)
      await coordinator.end()
    }
  })
})
