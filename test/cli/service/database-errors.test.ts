import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { beforeAll, describe, expect, test } from 'vitest'
import { generateApiKey } from '../../../src/api-keys/format.ts'
import { generateRawKek } from '../../../src/crypto/kek/raw.ts'
import { releaseAfterFile } from '../../support/cleanup.ts'
import { createPostgresDatabase, databaseKinds } from '../../support/databases.ts'
import { type CliRun, mintage } from '../../support/run-cli.ts'
import { run } from '../../support/service-process.ts'

/** What drizzle's messages have, and what a sealed key and a hash look like. */
const forbidden = /Failed query|params|\$1|mintage1\.|[0-9a-f]{64}/

describe.runIf(databaseKinds.includes('postgres'))('a role that may only read', () => {
  let url: string
  let env: Record<string, string>

  beforeAll(async () => {
    url = await createPostgresDatabase()
    env = await environmentOfReader(url)
  })
  const expectWords = ({ stderr, code }: CliRun, words: RegExp) => {
    expect(code).toBe(1)
    expect(stderr).toMatch(words)
    expect(stderr).not.toMatch(forbidden)
  }

  test('cannot bootstrap: PostgreSQL says why, and the missing grant is named', async () => {
    expectWords(
      await mintage(['bootstrap'], { env }),
      /^error: permission denied for table service_state \(SQLSTATE 42501\)\. As the owner, grant select, insert on table service_state to this role\n$/,
    )
  })

  test('cannot declare a restore, and the same is said', async () => {
    const admin = { ...env, DATABASE_URL: url }
    expect((await mintage(['bootstrap'], { env: admin })).code).toBe(0)
    expectWords(
      await mintage(['restored', '--yes'], { env }),
      /permission denied for table \w+ \(SQLSTATE 42501\)\. As the owner, grant /,
    )
  })

  test('is found by doctor, which lists every missing right', async () => {
    const { stdout } = await mintage(['doctor', '--json'], { env })
    const { checks } = JSON.parse(stdout)
    expect(checks).toContainEqual({
      name: 'rights',
      state: 'failed',
      detail: expect.stringMatching(/^this role lacks insert on .*leases.*; update on .*leases.*; delete on .*leases/),
      hint: expect.stringContaining('docs/postgresql.md'),
    })
    const { detail } = checks.find(({ name }: { name: string }) => name === 'rights')
    expect(detail).not.toMatch(/(update|delete) on [^;]*audit_events/)
  })

  test('is told to run the grants, and not to migrate, if it cannot read the applied migrations', async () => {
    const owner = postgres(url, { max: 1, onnotice: () => {} })
    releaseAfterFile(() => owner.end())
    await owner.unsafe(`revoke usage on schema drizzle from ${new URL(env.DATABASE_URL ?? '').username}`)
    const { stdout } = await mintage(['doctor', '--json'], { env })
    expect(JSON.parse(stdout).checks).toContainEqual({
      name: 'migrations',
      state: 'failed',
      detail: expect.stringContaining('grant usage on schema drizzle to this role'),
      hint: 'run the grants in docs/postgresql.md as the owner',
    })
  })

  test('cannot start the service as the first one', async () => {
    const empty = await createPostgresDatabase()
    const service = run('src/node/main.ts', {
      env: { ...(await environmentOfReader(empty)), MINTAGE_ROOT_API_KEY: generateApiKey('live'), PORT: '0' },
    })
    expectWords({ code: (await service.ended) ?? -1, stderr: service.printed(), stdout: '' }, /\(SQLSTATE 42501\)/)
  })
})

describe.runIf(databaseKinds.includes('postgres'))('what PostgreSQL says', () => {
  test('about a wrong owner is printed by migrate, with the grant', async () => {
    const env = await environmentOfReader(await createPostgresDatabase('empty'))
    const { code, stderr } = await mintage(['migrate'], { env })
    expect(code).toBe(1)
    expect(stderr).toMatch(/permission denied for .* \(SQLSTATE 42501\)\. As the owner, grant .*create on /)
    expect(stderr).not.toMatch(forbidden)
  })

  test.each(['migrate', 'bootstrap', 'doctor'])('about a database that is missing is printed by %s', async (verb) => {
    const missing = new URL(await createPostgresDatabase('empty'))
    missing.pathname = '/nothing_here'
    const { stdout, stderr } = await mintage([verb], { env: environment(missing.href) })
    expect(stdout + stderr).toContain('database "nothing_here" does not exist (SQLSTATE 3D000)')
  })

  test.each(['migrate', 'bootstrap', 'doctor'])('a server that refuses connections is printed by %s', async (verb) => {
    const { stdout, stderr } = await mintage([verb], { env: environment('postgres://mintage:hunter2@127.0.0.1:1/x') })
    expect(stdout + stderr).toContain('connect ECONNREFUSED 127.0.0.1:1')
    expect(stdout + stderr).not.toContain('hunter2')
  })
})

function environment(url: string) {
  return {
    DATABASE_URL: url,
    MINTAGE_KEK: generateRawKek(),
    MINTAGE_ISSUER: 'http://localhost:8787',
    MINTAGE_ALLOW_HTTP: 'true',
    MINTAGE_DATABASE_DEADLINE: '60s',
  }
}

/** As a role that may read every table and write none. */
async function environmentOfReader(url: string) {
  const owner = postgres(url, { max: 1, onnotice: () => {} })
  releaseAfterFile(() => owner.end())
  const role = `reader_${randomBytes(6).toString('hex')}`
  await owner.unsafe(`create role ${role} login password 'x'; grant usage on schema public to ${role}`)
  await owner.unsafe(`grant select on all tables in schema public to ${role}`)
  await owner.unsafe(`do $$ begin
    if to_regnamespace('drizzle') is not null then
      grant usage on schema drizzle to ${role}; grant select on all tables in schema drizzle to ${role};
    end if; end $$`)
  releaseAfterFile(async () => {
    await owner.unsafe(`drop owned by ${role}; drop role ${role}`)
  })
  const own = new URL(url)
  own.username = role
  own.password = 'x'
  return environment(own.href)
}
