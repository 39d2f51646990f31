import type { Db } from '../db/database.ts'
import type { Log } from '../observability/log.ts'
import { addApiKeyAttempts } from './attempt-queries.ts'
import {
  type Attempt,
  createPendingUsage,
  type Exchange,
  type FoldedUsage,
  type PendingUsage,
  type Use,
} from './pending.ts'
import { addApiKeyUsage, addSigningKeyUsage } from './queries.ts'

export type UsageRecorder = {
  /** Records a successful authentication, also one for an exchange. Never waits, never throws; so do the next two. */
  recordAuthentication(use: Use): void
  /** Records an issued token. */
  recordExchange(exchange: Exchange): void
  /** Records an attempt with a key that was found and refused. */
  recordAttempt(attempt: Attempt): void
  /**
   * Resolves when everything recorded before is written, or was kept for the next flush because the write failed. Never
   * rejects.
   */
  flush(): Promise<void>
  /**
   * Flushes every few seconds from now on. Workers have no timers: there, `flush` is called at the end of each request.
   */
  start(): void
  /** Stops the timer and flushes once more. */
  close(): Promise<void>
}

export type UsageRecorderOptions = {
  db: Db
  log: Log
  /** Shared by the requests of an isolate: usage that one request could not write is written with the next. */
  pending?: PendingUsage
  flushMilliseconds?: number
}

const mostRows = 500
/** When this many versions wait, they are flushed early. */
const manyVersions = 5000

/**
 * Adds up usage in memory and writes it to the database in batches. Each process sends one statement at a time, with
 * rows in the order of their ids, so that processes never deadlock. If a process is killed, its unwritten usage is
 * lost. A flush whose answer was lost is repeated: its counts may then be added twice, but are never lost.
 */
export function createUsageRecorder({
  db,
  log,
  pending = createPendingUsage(),
  flushMilliseconds = 5000,
}: UsageRecorderOptions): UsageRecorder {
  let flushing: Promise<void> = Promise.resolve()
  let timer: ReturnType<typeof setInterval> | undefined
  let isEarly = false

  function flush(): Promise<void> {
    flushing = flushing.then(writePending)
    return flushing
  }

  async function writePending(): Promise<void> {
    isEarly = false
    const dropped = pending.takeDropped()
    if (dropped > 0) log('error', 'usage_dropped', { uses: dropped })
    let failed = false
    for (const batch of batchesOf(pending.take())) {
      if (failed) {
        pending.giveBack(batch)
        continue
      }
      try {
        await writeBatch(db, batch)
      } catch (error) {
        failed = true
        pending.giveBack(batch)
        log('warn', 'usage_flush_failed', { error, waiting: pending.size() })
      }
    }
  }

  function flushEarly(): void {
    if (timer === undefined || isEarly || pending.size() < manyVersions) return
    isEarly = true
    void flush()
  }

  return {
    recordAuthentication(use) {
      pending.addAuthentication(use)
      flushEarly()
    },
    recordExchange(exchange) {
      pending.addExchange(exchange)
      flushEarly()
    },
    recordAttempt(attempt) {
      pending.addAttempt(attempt)
      flushEarly()
    },
    flush,
    start() {
      timer ??= setInterval(() => void flush(), flushMilliseconds)
      timer.unref()
    },
    async close() {
      clearInterval(timer)
      timer = undefined
      await flush()
    },
  }
}

/** Each batch holds rows of one kind only. So a failed batch can be put back without rows that were written. */
function batchesOf({ apiKeys, attempts, signingKeys }: FoldedUsage): FoldedUsage[] {
  const nothing: FoldedUsage = { apiKeys: [], attempts: [], signingKeys: [] }
  return [
    ...chunks(apiKeys).map((rows) => ({ ...nothing, apiKeys: rows })),
    ...chunks(attempts).map((rows) => ({ ...nothing, attempts: rows })),
    ...chunks(signingKeys).map((rows) => ({ ...nothing, signingKeys: rows })),
  ]
}

async function writeBatch(db: Db, { apiKeys, attempts, signingKeys }: FoldedUsage): Promise<void> {
  if (apiKeys.length > 0) await addApiKeyUsage(db, apiKeys)
  else if (attempts.length > 0) await addApiKeyAttempts(db, attempts)
  else await addSigningKeyUsage(db, signingKeys)
}

function chunks<Row>(rows: readonly Row[]): (readonly Row[])[] {
  const parts: (readonly Row[])[] = []
  for (let start = 0; start < rows.length; start += mostRows) parts.push(rows.slice(start, start + mostRows))
  return parts
}
