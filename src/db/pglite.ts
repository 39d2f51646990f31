import { join } from 'node:path'
import { PGlite, type Transaction } from '@electric-sql/pglite'
import { drizzle, type PgliteDatabase } from 'drizzle-orm/pglite'
import type { Database } from './database.ts'
import { type Limit, limitOf, unavailable } from './deadline.ts'
import { folderFailure, hasControlFiles, prepareDatabase, startFailure } from './embedded-files.node.ts'
import { lockFolder } from './folder-lock.node.ts'
import { createRefusedWrites, type RefusedWrites } from './refused-writes.ts'
import { sessionSettings, setStatements } from './session-settings.ts'

type EmbeddedLocation =
  | { folder: string; deadlineMilliseconds?: number }
  | { memory: true; loadDataDir?: Blob; deadlineMilliseconds?: number }

export type EmbeddedDatabase = Omit<Database, 'undeadlined'> & {
  readonly kind: 'embedded'
  readonly undeadlined: PgliteDatabase
  /** The whole data directory as a tar, for `loadDataDir`. */
  dump(): Promise<Blob>
}

/**
 * Longer than for PostgreSQL: this database runs in our process, so a long wait means that we are busy, not that it is
 * gone.
 */
const embeddedDeadlineMilliseconds = 5000

/**
 * Opens the embedded PostgreSQL in a folder, which it locks for this process, or in memory. It has one session, so
 * calls wait their turn. A call that gets no turn within the deadline fails with `database_unavailable` and never runs.
 * @throws Error with a message for the operator if another process holds the folder.
 */
export async function openEmbedded(location: EmbeddedLocation): Promise<EmbeddedDatabase> {
  const files = 'folder' in location ? await openFolder(location.folder) : undefined
  try {
    const pglite = await (files ? files.start() : PGlite.create(memoryOptions(location)))
    // The folder may have settings of its own, as after `alter system set`.
    await pglite.exec(setStatements(sessionSettings, 'session').join('; '))
    const refusedWrites = createRefusedWrites()
    const { deadlineMilliseconds = embeddedDeadlineMilliseconds } = location
    const turns = createTurns(refusedWrites)
    return {
      kind: 'embedded',
      db: drizzle({ client: guardedClient(pglite, turns, limitOf(deadlineMilliseconds)) }),
      within: (budget) => drizzle({ client: guardedClient(pglite, turns, limitOf(deadlineMilliseconds, budget)) }),
      undeadlined: drizzle({ client: pglite }),
      ...(files ? { fault: files.fault } : {}),
      dump: () => pglite.dumpDataDir('none'),
      listen: async (channel, onNotify) => {
        const unlisten = await pglite.listen(channel, () => onNotify())
        onNotify()
        return () => unlisten()
      },
      stats: () => ({
        inFlight: turns.inFlight(),
        broken: false,
        refusedWrites: refusedWrites.counts(),
        refusedLately: refusedWrites.latest(),
      }),
      close: async () => {
        if (!pglite.closed) await pglite.close()
        await files?.release()
      },
    }
  } catch (error) {
    await files?.release()
    throw error
  }
}

async function openFolder(folder: string) {
  const pgdata = join(folder, 'pgdata')
  const lock = await lockFolder(folder).catch((error: unknown) => {
    throw folderFailure(folder, error)
  })
  return {
    release: () => lock.release(),
    async start() {
      const open = async (dataDir: string) =>
        await PGlite.create({ dataDir }).catch((error: unknown) => {
          throw startFailure(dataDir, error)
        })
      await prepareDatabase(pgdata, async (dataDir) => await (await open(dataDir)).close())
      return await open(pgdata)
    },
    async fault() {
      if ((await lock.isHeld()) && (await hasControlFiles(pgdata))) return undefined
      return 'its data folder was removed or replaced: stop this instance, restore the folder, then start it again'
    },
  }
}

function memoryOptions(location: EmbeddedLocation) {
  const loadDataDir = 'memory' in location ? location.loadDataDir : undefined
  return { dataDir: 'memory://', ...(loadDataDir && { loadDataDir }) }
}

type Turns = {
  take<Result>(
    limit: Limit,
    work: (isPassed: () => boolean, expiry: Promise<never>) => Promise<Result>,
  ): Promise<Result>
  inFlight(): number
}

/** First come, first served. Skips calls whose deadline has passed. */
function createTurns(refusedWrites: RefusedWrites): Turns {
  let last: Promise<void> = Promise.resolve()
  let inFlight = 0
  return {
    inFlight: () => inFlight,
    take: (limit, work) =>
      limit(async (call) => {
        const before = last
        const own = Promise.withResolvers<void>()
        const expiry = Promise.withResolvers<never>()
        expiry.promise.catch(() => {})
        last = own.promise
        inFlight++
        try {
          await before
          if (call.passed) throw unavailable('gave up waiting for a turn')
          call.onDeadline = () => {
            const error = unavailable('the transaction took too long')
            expiry.reject(error)
            return error
          }
          return await work(() => call.passed, expiry.promise)
        } catch (error) {
          refusedWrites.note(error)
          throw error
        } finally {
          inFlight--
          own.resolve()
        }
      }),
  }
}

/** Drizzle's PGlite driver calls only `query` and `transaction`. */
function guardedClient(pglite: PGlite, turns: Turns, limit: Limit): PGlite {
  const client: Pick<PGlite, 'query' | 'transaction'> = {
    query: (text, params, options) => turns.take(limit, () => pglite.query(text, params, options)),
    // Rejects a callback at its deadline: PGlite rolls back, and the next caller gets its turn.
    transaction: (run) =>
      turns.take(limit, (isPassed, expiry) =>
        pglite.transaction((tx) => Promise.race([runGuarded(tx, run, isPassed), expiry])),
      ),
  }
  return client as unknown as PGlite
}

/**
 * COMMIT after a failed statement silently rolls back. So work that ignored the failure must be told that it failed.
 */
async function runGuarded<Result>(
  tx: Transaction,
  run: (tx: Transaction) => Promise<Result>,
  isPassed: () => boolean,
): Promise<Result> {
  let failure: unknown
  const guarded: Pick<Transaction, 'query'> = {
    query: async (text, params, options) => {
      if (isPassed()) throw unavailable('the transaction is over')
      if (failure !== undefined && !text.startsWith('rollback to savepoint')) throw failure
      try {
        const answer = await tx.query<never>(text, params, options)
        if (text.startsWith('rollback to savepoint')) failure = undefined
        return answer
      } catch (error) {
        failure ??= error
        throw error
      }
    },
  }
  const result = await run(guarded as unknown as Transaction)
  if (failure !== undefined) throw failure
  return result
}
