import { afterEach } from 'vitest'
import { createSyncedList, type RevocationSource, type SyncedList, type SyncedListOptions } from '../../src/revocation/synced.ts'
import type { RevocationRow } from '../../src/revocation/synced-rules.ts'
import { movableClock } from './clock.ts'

/** The clock of the lists that `follow` makes, unless told otherwise. */
export const clock = movableClock()

const lists: SyncedList[] = []
afterEach(async () => {
  for (const list of lists.splice(0)) await list.close()
})

/** A synced list, closed after the test. */
export function follow(source: RevocationSource, options: Partial<SyncedListOptions> = {}): SyncedList {
  const list = createSyncedList(source, {
    now: clock.now,
    monotonic: () => performance.now(),
    pollMilliseconds: 50,
    maximumStalenessMilliseconds: 10_000,
    deadlineMilliseconds: 5000,
    inRequest: false,
    ...options,
  })
  lists.push(list)
  return list
}

/** Counts full loads (from 0) and polls. */
export function counted(source: RevocationSource) {
  const from: bigint[] = []
  const read = (cursor: bigint) => {
    from.push(cursor)
    return source.read(cursor)
  }
  return { from, source: { ...source, read }, fullLoads: () => from.filter((cursor) => cursor === 0n).length }
}

/** A database in miniature, to lose, repeat and reorder what a real one hardly ever does. */
export function scriptedSource() {
  let xid = 100n
  const generation = 1
  let shift = 0n
  const rows = new Map<string, RevocationRow>()
  const listeners = new Set<() => void>()
  let hung: Promise<void> | undefined
  let failure: Error | undefined
  const source: RevocationSource = {
    async read(from) {
      const seen = {
        rows: [...rows.values()].filter(({ xactId }) => xactId >= from),
        generation,
        snapshot: `${xid - shift}:${xid - shift}:`,
      }
      if (failure) throw failure
      await hung
      return seen
    },
    async listen(onChange) {
      listeners.add(onChange)
      return async () => void listeners.delete(onChange)
    },
  }
  return {
    source,
    notify() {
      for (const onChange of listeners) onChange()
    },
    listeners,
    revoke(jti: string, changes: Partial<RevocationRow> = {}) {
      const rule = { kind: 'token', value: jti, maxVersion: null, issuedBefore: null, effectiveAt: 0, expiresAt: null } as const
      rows.set(jti, { id: jti, lifted: false, ...rule, ...changes, xactId: xid })
      xid += 1n
    },
    forget: (jti: string) => rows.delete(jti),
    restoreOlder(transactions: bigint) {
      shift = transactions
    },
    hangUntil(until: Promise<void> | undefined) {
      hung = until
    },
    fail(error: Error | undefined) {
      failure = error
    },
  }
}
