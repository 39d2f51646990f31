import type { Db } from '../db/database.ts'
import type { Log } from '../observability/log.ts'
import { createPendingUsage, type Exchange, type FoldedUsage, type PendingUsage } from './pending.ts'
import { addApiKeyUsage, addSigningKeyUsage } from './queries.ts'

export type UsageRecorder = {
  /** Remembers a token that was made. Never waits, never throws. */
  recordExchange(exchange: Exchange): void
  /** Resolves when everything recorded before was written, or kept for the next time because it could not be. Never rejects. */
  flush(): Promise<void>
  /** Flushes every few seconds from now on; where there are no timers (Workers), `flush` is called at the end of each request. */
  start(): void
  /** Stops the timer and flushes once more. */
  close(): Promise<void>
}

export type UsageRecorderOptions = {
  db: Db
  log: Log
  /** Shared by the requests of an isolate, so that what one of them could not write goes along with the next. */
  pending?: PendingUsage
  flushMilliseconds?: number
}

const mostRows = 500
/** So many versions waiting are written before their time. */
const manyVersions = 5000

/**
 * Folds usage in memory and adds it to the database in batches: one statement at a time in a process, its rows in the order of their ids,
 * so that processes never deadlock. What a process has not written when it is killed is lost. A flush whose answer was lost is repeated:
 * its counts may then be added twice, and are never lost.
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
    if (dropped > 0) log('error', 'usage_dropped', { exchanges: dropped })
    let failed = false
    for (const batch of batchesOf(pending.take())) {
      if (failed) {
        pending.giveBack(batch)
        continue
      }
      try {
        await (batch.apiKeys.length > 0 ? addApiKeyUsage(db, batch.apiKeys) : addSigningKeyUsage(db, batch.signingKeys))
      } catch (error) {
        failed = true
        pending.giveBack(batch)
        log('warn', 'usage_flush_failed', { error, waiting: pending.size() })
      }
    }
  }

  return {
    recordExchange(exchange) {
      pending.add(exchange)
      if (timer === undefined || isEarly || pending.size() < manyVersions) return
      isEarly = true
      void flush()
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

/** Each holds rows of one kind only: what failed can be given back without what was written. */
function batchesOf({ apiKeys, signingKeys }: FoldedUsage): FoldedUsage[] {
  return [
    ...chunks(apiKeys).map((rows) => ({ apiKeys: rows, signingKeys: [] })),
    ...chunks(signingKeys).map((rows) => ({ apiKeys: [], signingKeys: rows })),
  ]
}

function chunks<Row>(rows: readonly Row[]): (readonly Row[])[] {
  const parts: (readonly Row[])[] = []
  for (let start = 0; start < rows.length; start += mostRows) parts.push(rows.slice(start, start + mostRows))
  return parts
}
