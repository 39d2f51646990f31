import { describe, expect, test } from 'vitest'
import { generateRawKek } from '../../../src/crypto/kek/raw.ts'
import { createPostgresDatabase, databaseKinds } from '../../support/databases.ts'
import { mintage, mintageProcess } from '../../support/run-cli.ts'
import { credentialsOf, startServiceProcess } from '../../support/service-process.ts'
import { startedFolder } from '../../support/started-folder.ts'

describe('a root key from the database', () => {
  test('is kept in the folder of the first start, and a declared key that is not in force is warned of', async () => {
    const { folder, rootApiKey: lost } = await startedFolder()
    const MINTAGE_ROOT_API_KEY = (await mintage(['api-keys', 'generate'])).stdout.trim()
    const created = await mintageProcess(['root-keys', 'create', '--json'], { cwd: folder })
    expect(created, created.stderr).toMatchObject({ code: 0 })
    const { rootApiKey } = JSON.parse(created.stdout)
    expect(rootApiKey).not.toBe(lost)
    expect(await credentialsOf(folder)).toMatchObject({ rootApiKey })

    const service = await startServiceProcess({ folder, env: { MINTAGE_ROOT_API_KEY } })
    expect(service.printed()).toMatch(/root_key\.declared_key_not_in_force.*unknown.*docs\/losing-access\.md/)
    const me = await mintage(['me', '--json'], { env: { MINTAGE_URL: service.url, MINTAGE_API_KEY: rootApiKey } })
    expect(JSON.parse(me.stdout)).toMatchObject({ roles: ['root'] })
    const busy = await mintageProcess(['root-keys', 'create'], { cwd: folder })
    expect(busy).toMatchObject({ code: 1, stderr: expect.stringMatching(/in use by process/) })
    await service.end()

    const env = { MINTAGE_ROOT_API_KEY }
    const declared = await mintageProcess(['root-keys', 'create', '--declared'], { cwd: folder, env })
    expect(declared.stdout).toMatch(/^root key +the one in MINTAGE_ROOT_API_KEY$/m)
    const again = await startServiceProcess({ folder, env })
    expect(again.printed()).not.toContain('declared_key_not_in_force')
    await again.end()
  })

  test('is refused for a database in memory, which ends with its process', async () => {
    const MINTAGE_ROOT_API_KEY = (await mintage(['api-keys', 'generate'])).stdout.trim()
    const run = await mintage(['root-keys', 'create'], { env: { DATABASE_URL: 'memory:', MINTAGE_ROOT_API_KEY } })
    expect(run.code).toBe(2)
    expect(run.stderr).toMatch(/hint: set MINTAGE_ROOT_API_KEY before the start/)
  })

  test.runIf(databaseKinds.includes('postgres'))('is created on PostgreSQL by its owner, after bootstrap', async () => {
    const url = await createPostgresDatabase()
    const settings = { MINTAGE_KEK: generateRawKek(), MINTAGE_ISSUER: 'https://auth.example' }
    const env = { ...settings, DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none', DATABASE_MIGRATION_URL: url }
    expect(await mintageProcess(['bootstrap'], { env: { ...settings, DATABASE_URL: url } })).toMatchObject({ code: 0 })
    const created = await mintageProcess(['root-keys', 'create'], { env })
    expect(created, created.stderr).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^id +key_.*\norganization +org_.*\nexpires +-\nroot key +mk_live_\w{49}\n$/),
    })
    const second = await mintageProcess(['bootstrap'], { env: { ...settings, DATABASE_URL: url } })
    expect(second.stderr).toContain('docs/losing-access.md')
  })
})
