import { chmod, cp, mkdir, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openEmbedded } from '../../src/db/pglite.ts'
import { embeddedFolder, migratedFolder } from '../support/embedded-folder.ts'
import { eventually, freePort, run, startServiceProcess, temporaryFolder } from '../support/service-process.ts'
import { startedFolder } from '../support/started-folder.ts'

describe('an embedded database', () => {
  test.each([
    ['whose pg_control is cut short', (pgdata: string) => truncate(join(pgdata, 'global/pg_control'), 100)],
    ['whose pg_control is gone', (pgdata: string) => rm(join(pgdata, 'global/pg_control'))],
    [
      'whose pg_control holds zeros',
      (pgdata: string) => writeFile(join(pgdata, 'global/pg_control'), Buffer.alloc(8192)),
    ],
    ['that lost PG_VERSION', (pgdata: string) => rm(join(pgdata, 'PG_VERSION'))],
  ])('%s is refused with what to do, and its other files are left as they are', async (_what, damage) => {
    const folder = embeddedFolder(await migratedFolder())
    const pgdata = join(folder, 'pgdata')
    const whole = await temporaryFolder()
    await cp(pgdata, whole, { recursive: true })
    await damage(pgdata)
    await expect(openEmbedded({ folder })).rejects.toThrow(
      /pgdata is damaged and does not start \(.+\)\. Keep a copy of the folder, .* restore the folder from a backup/,
    )
    for (const file of ['PG_VERSION', 'global/pg_control']) await cp(join(whole, file), join(pgdata, file))
    const database = await openEmbedded({ folder })
    expect((await database.undeadlined.execute('select * from organizations')).rows).toEqual([])
    await database.close()
  })

  test('whose first start was killed while it was created is created by the next start', async () => {
    const folder = await temporaryFolder()
    const data = embeddedFolder(folder)
    for (const files of [1, 300, 700]) {
      const program = run('src/node/main.ts', { cwd: folder, env: { PORT: String(await freePort()) } })
      await eventually(async () => (await readdir(data, { recursive: true })).length > files)
      await program.end('SIGKILL')
    }
    const service = await startServiceProcess({ folder })
    expect((await readdir(data)).toSorted()).toEqual(['lock', 'pgdata'])
    await service.end()
  })

  test.runIf(process.getuid?.() === 0).each(['pgdata', 'pgdata/global/pg_control'])(
    'whose %s belongs to another user is not called damaged',
    async (path) => {
      const folder = await migratedFolder()
      const data = embeddedFolder(folder)
      for (const each of [folder, join(folder, '.mintage'), data]) await chmod(each, 0o777)
      await chmod(join(data, 'pgdata'), 0o755)
      await chmod(join(data, path), path === 'pgdata' ? 0o700 : 0o600)
      const program = run('src/node/main.ts', { cwd: folder, uid: 65_534, env: { PORT: String(await freePort()) } })
      expect(await program.ended).toBe(1)
      expect(program.printed()).toMatch(
        /^mintage: the service cannot write to its data folder \S+pgdata \(EACCES\)\. Let this/m,
      )
    },
  )

  test.runIf(process.platform === 'linux').each(['/sys/mintage', '/proc/mintage'])(
    'in the folder %s, which cannot be written, stops the start in plain words',
    async (folder) => {
      const program = run('src/node/main.ts', {
        cwd: await temporaryFolder(),
        env: { PORT: String(await freePort()), MINTAGE_DATA_DIR: folder },
      })
      expect(await program.ended).toBe(1)
      expect(program.printed()).toMatch(
        /^mintage: the service cannot write to its data folder \S+ \(E[A-Z]+\)\. Let this/m,
      )
      expect(program.printed()).toContain(`${folder}/data`)
    },
  )

  test.each([
    ['removed', async (data: string) => await rm(data, { recursive: true })],
    [
      'replaced',
      async (data: string) => {
        await rename(data, `${data}.old`)
        await mkdir(data)
      },
    ],
  ])('whose folder is %s under the running service makes the instance not ready', async (_how, spoil) => {
    const { folder } = await startedFolder()
    const service = await startServiceProcess({ folder })
    await spoil(join(folder, '.mintage/data'))
    const response = await fetch(`${service.url}/readyz`)
    expect(response.status).toBe(503)
    expect((await response.json()).checks.database.reason).toMatch(/^its data folder was removed or replaced/)
    await service.end('SIGKILL')
  })
})
