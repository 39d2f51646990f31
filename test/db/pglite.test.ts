import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { databaseFailure } from '../../src/db/failure.ts'
import { lockFolder } from '../../src/db/folder-lock.node.ts'
import { openEmbedded } from '../../src/db/pglite.ts'
import { organizations } from '../../src/db/schema.ts'
import { openTestDatabase } from '../support/databases.ts'

const organization = (id: string) => ({ id, name: id, plan: 'free', createdAt: new Date(0) })
const writerPath = fileURLToPath(new URL('../support/embedded-writer.ts', import.meta.url))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mintage-embedded-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('a second process is refused with a clear error, and kill -9 of the first loses nothing that was acknowledged', async () => {
  const writer = spawn(process.execPath, [writerPath, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  const acknowledged = await acknowledgements(writer, 20)
  await expect(openEmbedded({ folder })).rejects.toThrow(
    `the database folder ${folder} is in use by process ${writer.pid}`,
  )
  writer.kill('SIGKILL')
  await once(writer, 'exit')

  const database = await openEmbedded({ folder })
  const kept = (await database.db.select({ id: organizations.id }).from(organizations)).map(({ id }) => id)
  expect(kept).toEqual(expect.arrayContaining(acknowledged()))
  await expect(openEmbedded({ folder })).rejects.toThrow('in use')
  await database.close()
  expect(await readdir(folder)).toEqual(['pgdata'])
})

/** Resolves after this many rows. The caller reads later ones at the end. */
async function acknowledgements(writer: ChildProcess, count: number): Promise<() => string[]> {
  let text = ''
  const ids = () => text.split('\n').slice(0, -1)
  await new Promise<void>((resolve, reject) => {
    writer.once('exit', () => reject(new Error('the writer ended early')))
    writer.stdout?.setEncoding('utf8').on('data', (more: string) => {
      text += more
      if (ids().length >= count) resolve()
    })
  })
  return ids
}

describe('the lock of a folder', () => {
  const write = (holder: Record<string, unknown> | string) =>
    writeFile(join(folder, 'lock'), typeof holder === 'string' ? holder : JSON.stringify(holder))
  const own = async (): Promise<Record<string, unknown>> => {
    const lock = await lockFolder(folder)
    const text = await readFile(join(folder, 'lock'), 'utf8')
    await lock.release()
    return JSON.parse(text)
  }

  test('of a dead process whose id another one now has is taken over', async () => {
    await write({ ...(await own()), startTick: '1', token: 'former' })
    await (await lockFolder(folder)).release()
  })

  test('of a dead process is taken over, and so is a truncated one', async () => {
    await write({ ...(await own()), pid: 2 ** 22 + 1, token: 'former' })
    await (await lockFolder(folder)).release()
    await write('{"pid":')
    await (await lockFolder(folder)).release()
  })

  test('from before the last boot, or from a container that has ended, is taken over if no heartbeat comes', async () => {
    await write({ ...(await own()), boot: 'another', token: 'former' })
    await (await lockFolder(folder, { silenceMilliseconds: 300 })).release()
  })

  test('of another container with a heartbeat is respected', async () => {
    const holder = JSON.stringify({ ...(await own()), namespace: 'pid:[1]', token: 'alive' })
    await write(holder)
    let beats = 0
    const heart = setInterval(() => void utimes(join(folder, 'lock'), ++beats, beats), 200)
    await expect(lockFolder(folder)).rejects.toThrow('in use')
    clearInterval(heart)
  })

  test('goes to one of many processes that find a stale one at the same time', async () => {
    await rm(join(folder, 'lock'), { force: true })
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)))
    const taken = results.filter((result) => result.status === 'fulfilled')
    expect(taken).toHaveLength(1)
    for (const { value } of taken) await value.release()
  })
})

describe('a call', () => {
  const codeOf = (call: Promise<unknown>) =>
    call.then(
      () => undefined,
      (error: unknown) => databaseFailure(error)?.code,
    )

  test('behind a stuck transaction gets its turn when that transaction is undone at its deadline', async () => {
    const { db } = await openTestDatabase('embedded', { deadlineMilliseconds: 200 })
    const release = Promise.withResolvers<void>()
    const late = Promise.withResolvers<string | undefined>()
    const stuck = codeOf(
      db.transaction(async (tx) => {
        await tx.insert(organizations).values(organization('org_stuck'))
        await release.promise
        late.resolve(await codeOf(tx.insert(organizations).values(organization('org_late')).execute()))
      }),
    )
    const waiting = codeOf(db.insert(organizations).values(organization('org_waiting')).execute())
    expect(await Promise.all([stuck, waiting])).toEqual(['database_unavailable', undefined])
    release.resolve()
    expect(await late.promise).toBe('database_unavailable')
    expect(await db.select({ id: organizations.id }).from(organizations)).toEqual([{ id: 'org_waiting' }])
  })

  test('that bypasses the transaction around it ends that transaction instead of deadlocking', async () => {
    const { db } = await openTestDatabase('embedded', { deadlineMilliseconds: 200 })
    const code = await codeOf(db.transaction(() => db.select({ one: sql`1` }).from(sql`(select 1) as one`)))
    expect(code).toBe('database_unavailable')
    expect(await db.select({ one: sql`1` }).from(sql`(select 1) as one`)).toEqual([{ one: 1 }])
  })
})

test('two embedded databases in memory are separate', async () => {
  const [first, second] = [await openTestDatabase('embedded'), await openTestDatabase('embedded')]
  await first.db.insert(organizations).values(organization('org_first'))
  expect(await second.db.select().from(organizations)).toEqual([])
})
