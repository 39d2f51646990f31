import { onTestFinished } from 'vitest'
import {
  createSyncedList,
  type RevocationSource,
  type SyncedList,
  type SyncedListOptions,
} from '../../src/kit/revocation/synced.ts'
import type { RevocationRow } from '../../src/kit/revocation/synced-rules.ts'
import { movableClock } from './clock.ts'

/** The clock of the lists that `follow` creates, unless told otherwise. */
export const clock = movableClock()

/** A synced list, closed after the test. */
export function follow(source: RevocationSource, options: Partial<SyncedListOptions> = {}): SyncedList {
  const list = createSyncedList(source, {
    now: clock.now,
    monotonic: () => performance.now(),
    pollMilliseconds: 50,
    maximumStalenessMilliseconds: 10_000,
    deadlineMilliseconds: 60_000,
    inRequest: false,
    ...options,
  })
  onTestFinished(() => list.close())
  return list
}

/** Counts full loads, and all reads by cursor: a full load ends with one. */
export function counted(source: RevocationSource) {
  const from: bigint[] = []
  let fullLoads = 0
  const read = (cursor: bigint) => {
    from.push(cursor)
    return source.read(cursor)
  }
  const readPage = (afterId: string) => {
    if (afterId === '') fullLoads += 1
    return source.readPage(afterId)
  }
  return { from, source: { ...source, read, readPage }, fullLoads: () => fullLoads }
}

/** A tiny database that can lose, repeat and reorder what a real one hardly ever does. */
export function scriptedSource() {
  let xid = 100n
  const generation = 1
  let shift = 0n
  const rows = new Map<string, RevocationRow>()
  const listeners = new Set<() => void>()
  let hung: Promise<void> | undefined
  let failure: Error | undefined
  async function see(wanted: (row: RevocationRow) => boolean) {
    const snapshot = `${xid - shift}:${xid - shift}:`
    const seen = { rows: [...rows.values()].filter(wanted), generation, snapshot }
    if (failure) throw failure
    await hung
    return seen
  }
  const source: RevocationSource = {
    read: (from) => see(({ xactId }) => xactId >= from),
    readPage: (afterId) => see(({ id }) => id > afterId),
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
      const rule = {
        kind: 'token',
        value: jti,
        minVersion: null,
        maxVersion: null,
        issuedBefore: null,
        effectiveAt: 0,
        expiresAt: null,
      } as const
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
