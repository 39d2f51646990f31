import type { Db } from '../db/database.ts'
import type { Log } from '../observability/log.ts'
import { printableText } from '../observability/printable-text.ts'
import type { Platform } from '../platform.ts'
import { foldVerifiers, rememberVerifiers, type VerifierRow } from './queries.ts'

/** Queues who fetched the JWK Set, to be written to the database. */
export type VerifierMemory = {
  /**
   * Never waits, never throws: the write is deferred. A failed write is logged and dropped; the verifier will fetch
   * again.
   */
  remember(seen: VerifierRow): void
}

const mostRows = 500
/** While this many verifiers wait, new ones are dropped. */
const mostWaiting = 2000
const longest = 256

/**
 * One statement at a time: the first sighting is written at once, and those that arrive meanwhile share the next
 * statement. So strangers who invent names occupy at most one connection.
 */
export function createVerifierMemory(options: { db: Db; log: Log; platform: Pick<Platform, 'defer'> }): VerifierMemory {
  const { db, log, platform } = options
  const waiting = new Map<string, VerifierRow>()
  let isWriting = false

  async function writeWaiting(): Promise<void> {
    try {
      while (waiting.size > 0) {
        const batch = [...waiting].slice(0, mostRows)
        for (const [name] of batch) waiting.delete(name)
        const rows = batch.map(([, row]) => row)
        if (await rememberVerifiers(db, rows))
          await foldVerifiers(db, [...new Set(rows.map(({ clientId }) => clientId))])
      }
    } catch (error) {
      waiting.clear()
      log('warn', 'verifiers_not_remembered', { error })
    } finally {
      isWriting = false
    }
  }

  return {
    remember(seen) {
      const name = `${seen.clientId} ${seen.name}`
      if (waiting.size >= mostWaiting && !waiting.has(name)) return
      waiting.set(name, { ...seen, address: storable(seen.address), agent: storable(seen.agent) })
      if (isWriting) return
      isWriting = true
      platform.defer(writeWaiting())
    },
  }
}

/** Strangers choose the agent text. PostgreSQL does not accept NUL, and a terminal obeys other control characters. */
function storable(text: string | null): string | null {
  return text === null ? null : printableText(text.slice(0, longest))
}
