import { permissionsHeld } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import type { Db } from '../db/database.ts'
import type { RefusedThing } from '../errors.ts'
import type { Log } from '../observability/log.ts'
import { appendAuditEvent } from './append-queries.ts'
import type { Repeats } from './events.ts'
import {
  createPendingRefusals,
  once,
  type PendingRefusals,
  type Refusal,
  type RepeatedRefusal,
} from './pending-refusals.ts'

/** A refusal as the HTTP layer knows it. */
type RefusedRequest = Pick<Refusal, 'operation' | 'code' | 'reason'> & {
  /** The id that the request named, whether it exists or not. */
  readonly subject: string | null
  /** What the request was about, if that exists and the caller may know of it. */
  readonly about?: RefusedThing | undefined
}

export type RefusalRecorder = {
  /**
   * Resolves when the refusal was written or counted. Rejects if it could not be written; then it was counted, and is
   * written later.
   */
  record(actor: Principal, refused: RefusedRequest): Promise<void>
  /** Writes the counted repeats whose minute is over. What cannot be written waits for the next time. Never rejects. */
  flush(): Promise<void>
  /** From now on, flushes every few seconds. Where there are no timers (Workers), call `flush` after each request. */
  start(): void
  /** Stops the timer and writes everything that was counted. */
  close(): Promise<void>
}

type RefusalRecorderOptions = {
  db: Db
  log: Log
  now: () => Date
  /** Shared by the requests of an isolate, so that what one of them counted is written after another. */
  pending?: PendingRefusals | undefined
  flushMilliseconds?: number
}

/**
 * Writes requests that authenticated callers were refused to the audit trail: the first of one caller, operation and
 * reason at once, its repeats as one event a minute. Each process folds its own repeats. Those of the last minute are
 * lost if the process is killed.
 */
export function createRefusalRecorder({
  db,
  log,
  now,
  pending = createPendingRefusals(),
  flushMilliseconds = 5000,
}: RefusalRecorderOptions): RefusalRecorder {
  let writing: Promise<void> = Promise.resolve()
  let timer: ReturnType<typeof setInterval> | undefined

  function write(which: 'due' | 'all'): Promise<void> {
    writing = writing.then(async () => {
      for (const repeated of pending.take(now(), which)) await writeRepeats(repeated)
    })
    return writing
  }

  async function writeRepeats(repeated: RepeatedRefusal): Promise<void> {
    try {
      await append(db, repeated.refusal, describeRepeats(repeated), now())
    } catch (error) {
      pending.giveBack(repeated)
      const { operation, code } = repeated.refusal
      log('error', 'audit_failed', { operation, code, repeats: repeated.repeats, error })
    }
  }

  return {
    async record(actor, { about, ...refused }) {
      const organizationId = filedUnder(actor, about)
      const subject = about?.subject ?? refused.subject
      const refusal = { ...refused, actor, organizationId, subject, at: now() }
      if (!pending.add(refusal)) return
      try {
        await append(db, refusal, {}, now())
      } catch (error) {
        pending.giveBack(once(refusal))
        throw error
      }
    },
    flush: () => write('due'),
    start() {
      timer ??= setInterval(() => void write('due'), flushMilliseconds)
      timer.unref()
    },
    async close() {
      clearInterval(timer)
      timer = undefined
      await write('all')
    },
  }
}

/** In its own transaction. An event about repeats names the last of them, and all in its context. */
async function append(
  db: Db,
  { actor, organizationId, ...refusal }: Refusal,
  repeats: Partial<Repeats>,
  now: Date,
): Promise<void> {
  const { subject, operation, code, reason } = refusal
  const why = reason === undefined ? {} : { reason }
  const context = { operation, code, ...repeats }
  await db.transaction(async (tx) => {
    await appendAuditEvent(tx, { type: 'operation.refused', actor, organizationId, subject, ...why, context }, now)
  })
}

function describeRepeats({ refusal, repeats, firstAt, subjects, addresses }: RepeatedRefusal): Repeats {
  return { repeats, firstAt: firstAt.toISOString(), lastAt: refusal.at.toISOString(), subjects, addresses }
}

/**
 * The organization that the refused request was about, so that its people find the event; null = the service. A caller
 * that sees one organization's events finds its own there: a place elsewhere would also tell it what exists elsewhere.
 */
function filedUnder(actor: Principal, about: RefusedThing | undefined): string | null {
  const seesEverything = permissionsHeld(actor)['audit_events.read'] === 'all'
  return seesEverything ? (about?.organizationId ?? null) : actor.organizationId
}
