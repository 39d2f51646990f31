import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { beforeAll, describe, expect, test } from 'vitest'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { postgresRevocationList } from '../../src/kit/revocation/index.ts'
import { createVerifier } from '../../src/kit/verify.ts'
import { releaseAfterFile } from '../support/cleanup.ts'
import { createPostgresCluster, findPostgresBinaries, type PostgresCluster } from '../support/postgres-cluster.ts'
import { mintage } from '../support/run-cli.ts'
import { freePort, startServiceProcess } from '../support/service-process.ts'

const binaries = findPostgresBinaries()
const page = readFileSync(new URL('../../docs/postgresql.md', import.meta.url), 'utf8')
const [roles = '', grants = '', lateGrants = '', login = ''] = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map(
  ([, text = '']) => text.replaceAll("'…'", "'secret'"),
)

describe.runIf(binaries !== undefined)('docs/postgresql.md on a new server', () => {
  let cluster: PostgresCluster
  const urlOf = (role: string, database = 'mintage') => cluster.url(database).replace('mintage:', `${role}:`)
  /** With psql, as a reader of the page does: statement by statement. */
  const psql = (url: string, text: string) =>
    execFileSync(join(binaries ?? '', 'psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', url], {
      input: text,
      encoding: 'utf8',
    })

  beforeAll(async () => {
    cluster = await createPostgresCluster(binaries ?? '')
    releaseAfterFile(() => cluster.destroy())
    // The page creates a role with the name of this cluster's first user.
    psql(cluster.url(), 'create role administrator login superuser')
    psql(urlOf('administrator', 'postgres'), 'alter role mintage rename to first_user')
  })

  test('its statements, in their order, run the service as its own role, and an application reads revocations as its own', async () => {
    const port = await freePort()
    const issuer = `http://localhost:${port}`
    const env = { MINTAGE_ISSUER: issuer, MINTAGE_ALLOW_HTTP: 'true', MINTAGE_KEK: generateRawKek(), HOST: '127.0.0.1' }
    psql(urlOf('administrator', 'postgres'), roles)
    const asOwner = { env: { ...env, DATABASE_URL: urlOf('mintage_owner') } }
    const migrated = await mintage(['migrate'], asOwner)
    expect([migrated.code, migrated.stderr]).toEqual([0, ''])
    expect((await mintage(['bootstrap'], asOwner)).code).toBe(0)
    psql(urlOf('mintage_owner'), grants)
    psql(urlOf('mintage_owner'), lateGrants)
    psql(urlOf('administrator'), login)
    await startServiceProcess({ env: { ...env, DATABASE_URL: urlOf('mintage') }, port })

    const revocations = postgresRevocationList({ url: urlOf('orders_api'), mode: 'strict' })
    const verifier = createVerifier({ issuer, audience: `${issuer}/api`, revocations })
    await verifier.ready()
    const sql = postgres(urlOf('orders_api'), { max: 1, onnotice: () => {} })
    await expect(sql`select * from api_keys`).rejects.toMatchObject({ code: '42501' })
    await sql.end()
    await revocations.close()
  })
})
