import { onTestFinished } from 'vitest'
import {
  createSyncedList,
  pageSize,
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

/** Counts full loads, which begin at 0, and the rows of all reads. */
export function counted(source: RevocationSource) {
  const from: number[] = []
  let rows = 0
  async function read(after: number) {
    from.push(after)
    const batch = await source.read(after)
    rows += batch.rows.length
    return batch
  }
  const fullLoads = () => from.filter((after) => after === 0).length
  return { from, source: { ...source, read }, fullLoads, rows: () => rows }
}

/** A tiny database that can lose, repeat and reorder what a real one hardly ever does. */
export function scriptedSource() {
  let sequence = 0
  let prunedUpTo = 0
  const generation = 1
  const rows = new Map<string, RevocationRow>()
  const listeners = new Set<() => void>()
  let hung: Promise<void> | undefined
  let failure: Error | undefined
  const source: RevocationSource = {
    async read(after) {
      const wanted = [...rows.values()].filter((row) => row.sequence > after)
      const ordered = wanted.sort((a, b) => a.sequence - b.sequence).slice(0, pageSize)
      const seen = { rows: ordered, generation, sequence, prunedUpTo }
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
      const rule = {
        kind: 'token',
        value: jti,
        minVersion: null,
        maxVersion: null,
        issuedBefore: null,
        effectiveAt: 0,
        expiresAt: null,
      } as const
      sequence += 1
      rows.set(jti, { id: jti, lifted: false, ...rule, ...changes, sequence })
    },
    forget: (jti: string) => rows.delete(jti),
    prune(jti: string) {
      prunedUpTo = Math.max(prunedUpTo, rows.get(jti)?.sequence ?? 0)
      rows.delete(jti)
    },
    /** As a restore that nobody declared. */
    restoreOlder(numbers: number) {
      sequence -= numbers
    },
    hangUntil(until: Promise<void> | undefined) {
      hung = until
    },
    fail(error: Error | undefined) {
      failure = error
    },
  }
}
