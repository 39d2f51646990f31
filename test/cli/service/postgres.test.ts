import { describe, expect, test } from 'vitest'
import { parseApiKey } from '../../../src/api-keys/format.ts'
import { generateRawKek } from '../../../src/crypto/kek/raw.ts'
import { createPostgresDatabase, databaseKinds } from '../../support/databases.ts'
import { mintage, mintageProcess } from '../../support/run-cli.ts'

describe.runIf(databaseKinds.includes('postgres'))('from an empty PostgreSQL to the root key', () => {
  const service = (url: string) => ({
    DATABASE_URL: url,
    MINTAGE_KEK: generateRawKek(),
    MINTAGE_ISSUER: 'https://auth.example',
  })

  test('migrate creates the tables, and may be repeated', async () => {
    const url = await createPostgresDatabase('empty')
    for (let round = 0; round < 2; round += 1) {
      expect(await mintageProcess(['migrate'], { env: { DATABASE_MIGRATION_URL: url } })).toEqual({
        code: 0,
        stdout: 'the schema is up to date\n',
        stderr: '',
      })
    }
  })

  test('bootstrap shows the root key once, and says so the second time', async () => {
    const env = service(await createPostgresDatabase())
    const first = await mintageProcess(['bootstrap', '--json'], { env })
    expect(first.code).toBe(0)
    const { organizationId, rootApiKey } = JSON.parse(first.stdout)
    expect(organizationId).toMatch(/^org_/)
    expect(parseApiKey(rootApiKey)).toMatchObject({ environment: 'live' })
    const second = await mintage(['bootstrap'], { env })
    expect(second).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^error: this database was bootstrapped before/),
    })
  })

  test('bootstrap without tables says what to run first', async () => {
    const env = service(await createPostgresDatabase('empty'))
    const run = await mintageProcess(['bootstrap'], { env })
    expect(run).toMatchObject({ code: 1, stderr: expect.stringMatching(/run `mintage migrate`/) })
  })

  test('bootstrap with a wrong configuration names the variable, and no value', async () => {
    const run = await mintage(['bootstrap'], {
      env: { DATABASE_URL: 'postgres://u:hunter2@db.example/x', MINTAGE_KEK: 'raw:nonsense' },
    })
    expect(run.code).toBe(2)
    expect(run.stderr).toMatch(/^error: the configuration has .*\n(?: .*\n)* +MINTAGE_KEK /)
    expect(run.stderr).not.toMatch(/hunter2|nonsense/)
  })
})
