import { beforeAll, describe, expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { engineFault } from '../../src/db/engine.ts'
import { releaseAfterFile } from '../support/cleanup.ts'
import { createPostgresDatabase, databaseKinds } from '../support/databases.ts'
import { deploymentEnvironment } from '../support/deployment-environment.ts'
import { mintage } from '../support/run-cli.ts'
import { freePort, run, temporaryFolder } from '../support/service-process.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

test.each([
  ['CockroachDB', 'CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu, built 2023/09/27 01:53:43, go1.19.10)'],
  ['CockroachDB', 'CockroachDB OSS v22.2.0 (aarch64-unknown-linux-gnu, built 2022/12/05, go1.19.1)'],
  ['YugabyteDB', 'PostgreSQL 11.2-YB-2.18.0.0-b0 on x86_64-pc-linux-gnu, compiled by clang version 15.0.3, 64-bit'],
  ['YugabyteDB', 'PostgreSQL 15.12-YB-2025.1.0.0-b0 on aarch64-unknown-linux-gnu, compiled by clang, 64-bit'],
])('%s is refused by its version: %s', (name, version) => {
  expect(engineFault(version)).toBe(
    `the database is ${name}, which Mintage cannot use: revocations rely on triggers, row locks and notifications of PostgreSQL. Use PostgreSQL 15 or later`,
  )
})

test.each([
  'PostgreSQL 15.14 (Debian 15.14-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14+deb12u1) 12.2.0, 64-bit',
  'PostgreSQL 17.4 on aarch64-unknown-linux-gnu, compiled by aarch64-unknown-linux-gnu-gcc (GCC) 9.5.0, 64-bit',
  'PostgreSQL 16.2 on x86_64-pc-linux-gnu, compiled by emcc, 32-bit',
  'PostgreSQL 15.8 (cockroach edition) on x86_64-pc-linux-gnu, 64-bit',
  '',
])('an engine that is not known to fail is not refused: %j', (version) => {
  expect(engineFault(version)).toBeUndefined()
})

describe.runIf(databaseKinds.includes('postgres'))('on a server that says it is CockroachDB', () => {
  let env: Record<string, string>
  beforeAll(async () => {
    const url = new URL(await createPostgresDatabase())
    const proxy = await startTcpProxy(Number(url.port))
    releaseAfterFile(async () => proxy.close())
    proxy.disguise('PostgreSQL 15', 'CockroachDB 5')
    url.port = String(proxy.port)
    const rootKey = generateApiKey('live')
    env = deploymentEnvironment({ databaseUrl: url.href, issuer: 'http://localhost:1', rootKey })
  })
  const words = 'the database is CockroachDB, which Mintage cannot use'

  test.each(['serve', 'migrate', 'bootstrap', 'restored --yes'])('`mintage %s` says so and stops', async (command) => {
    const program = run('src/cli/main.ts', {
      args: command.split(' '),
      cwd: await temporaryFolder(),
      env: { ...env, PORT: String(await freePort()) },
    })
    expect(await program.ended).toBe(1)
    expect(program.printed()).toContain(words)
  })

  test('behind a pooler, too', async () => {
    const { code, stderr } = await mintage(['bootstrap'], { env: { ...env, DATABASE_POOLER: 'transaction' } })
    expect([code, stderr]).toEqual([1, expect.stringContaining(words)])
  })

  test('`mintage doctor` counts it as failed', async () => {
    const { stdout } = await mintage(['doctor', '--json'], { env })
    expect(JSON.parse(stdout).checks).toContainEqual({
      name: 'database',
      state: 'failed',
      detail: expect.stringContaining(words),
      hint: 'read docs/postgresql.md',
    })
  })
})
