import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { symlink } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { latestMigration } from '../../src/db/latest-migration.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createPostgresDatabase, databaseKinds } from '../support/databases.ts'
import { deploymentEnvironment } from '../support/deployment-environment.ts'
import { commitBeforeFile } from '../support/history.ts'
import { createKey, exchange, revokeKey } from '../support/journey.ts'
import { eventually, freePort, run, temporaryFolder } from '../support/service-process.ts'

const root = join(import.meta.dirname, '../..')
const commit = commitBeforeFile(root, `drizzle/${latestMigration.tag}.sql`)
const shutsOut = readFileSync(join(root, `drizzle/${latestMigration.tag}.sql`), 'utf8').includes(
  'cannot use this schema',
)
if (commit === undefined)
  console.log(
    'history: this copy of the project has none, so older code is not tested on the newest schema (git fetch --unshallow)',
  )

/** The code of the commit in a folder of its own, with the packages of this one. */
async function checkOut(): Promise<string> {
  const folder = await temporaryFolder()
  const archive = execFileSync(
    'git',
    ['-c', 'safe.directory=*', 'archive', commit ?? '', 'src', 'drizzle', 'package.json'],
    {
      cwd: root,
      maxBuffer: 256 * 1024 * 1024,
    },
  )
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

describe.runIf(databaseKinds.includes('postgres') && commit !== undefined && !shutsOut)(
  'the code from before the newest migration',
  () => {
    test('answers every request while the database is migrated under it, and afterwards', async () => {
      const folder = await checkOut()
      const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      const entry = String(scripts.start).replace('node ', '')
      const databaseUrl = await createPostgresDatabase('empty')
      const port = await freePort()
      const url = `http://127.0.0.1:${port}`
      const rootKey = generateApiKey('live')
      const env = {
        ...deploymentEnvironment({ databaseUrl, issuer: `http://localhost:${port}`, rootKey }),
        DATABASE_MIGRATION_URL: databaseUrl,
        PORT: String(port),
      }
      // The older code may not know every variable of this one.
      const { MINTAGE_DRAIN_TIME: _, ...known } = env
      const program = run(join(relative(root, folder), entry), { cwd: folder, env: known })
      let ended = false
      void program.ended.then(() => {
        ended = true
      })
      await eventually(async () => ended || (await fetch(`${url}/readyz`)).status === 200)
      expect(ended, program.printed()).toBe(false)

      let rounds = 0
      let isOver = false
      const client = async () => {
        while (!isOver) {
          const { id, secret } = await createKey(url, rootKey, { name: `key ${rounds}`, environment: 'live' })
          const token = await exchange(url, { method: 'POST', headers: { 'x-api-key': secret } })
          const asRoot = { authorization: `Bearer ${rootKey}` }
          for (const path of ['/v1/api-keys', '/v1/organizations', '/v1/audit-events', '/.well-known/jwks.json'])
            expect((await fetch(`${url}${path}`, { headers: asRoot })).status, path).toBe(200)
          expect((await revokeKey(url, rootKey, id)).status).toBe(204)
          const introspected = await fetch(`${url}/introspect`, {
            method: 'POST',
            headers: asRoot,
            body: new URLSearchParams({ token }),
          })
          expect(await introspected.json()).toEqual({ active: false })
          rounds += 1
        }
      }
      const load = Promise.all([client(), client(), client()])
      load.catch(() => {})
      await eventually(async () => rounds >= 3)
      await migrate(databaseUrl)
      const before = rounds
      await Promise.race([load, eventually(async () => rounds >= before + 10)])
      isOver = true
      await load
      expect(await program.end()).toBe(0)
    })
  },
)
