import type { Principal } from '../access/principal.ts'
import type { ServiceErrorCode } from '../error-catalogue.ts'

/** A request that an authenticated caller was refused. */
export type Refusal = {
  readonly actor: Principal
  /** The organization that the event belongs to; null = the service. */
  readonly organizationId: string | null
  /** Method and route. */
  readonly operation: string
  readonly subject: string | null
  readonly code: ServiceErrorCode
  readonly reason: string | undefined
  readonly at: Date
}

/** Repeats of one refusal, as one event. */
export type RepeatedRefusal = {
  /** The last one. */
  readonly refusal: Refusal
  readonly repeats: number
  readonly firstAt: Date
  /** The first few of each. */
  readonly subjects: readonly string[]
  readonly addresses: readonly string[]
}

/** Refusals that are not written yet. Plain data: on Workers the requests of an isolate share it. */
export type PendingRefusals = {
  /** True if the refusal must be written now: no equal one was written within the last minute. Others are counted. */
  add(refusal: Refusal): boolean
  /** Counts a refusal that could not be written, or repeats that could not be. */
  giveBack(repeated: RepeatedRefusal): void
  /** Returns the repeats whose minute is over at `now`, or all of them. */
  take(now: Date, which: 'due' | 'all'): RepeatedRefusal[]
}

/** `repeated`: what has happened since the last event of this kind. */
type Window = { startedAt: number; repeated: RepeatedRefusal | undefined }

const minute = 60_000
const mostSubjects = 50
const mostAddresses = 5

/**
 * Folds refusals of one caller, operation and reason. Events are never deleted, so the lowest key must not be able to
 * write one with each request. At most `mostKinds` kinds wait. Further ones are written at once.
 */
export function createPendingRefusals({ mostKinds = 10_000 } = {}): PendingRefusals {
  const windows = new Map<string, Window>()

  function count(repeated: RepeatedRefusal): void {
    const kind = kindOf(repeated.refusal)
    const window = windows.get(kind)
    if (window) window.repeated = window.repeated ? together(window.repeated, repeated) : repeated
    else windows.set(kind, { startedAt: repeated.refusal.at.getTime(), repeated })
  }

  return {
    add(refusal) {
      const at = refusal.at.getTime()
      const kind = kindOf(refusal)
      const window = windows.get(kind)
      if (window && (window.repeated || !isOver(window, at))) {
        count(once(refusal))
        return false
      }
      if (window || windows.size < mostKinds) windows.set(kind, { startedAt: at, repeated: undefined })
      return true
    },
    giveBack: count,
    take(now, which) {
      const taken: RepeatedRefusal[] = []
      for (const [kind, window] of windows) {
        const { repeated } = window
        if (which === 'due' && !isOver(window, now.getTime())) continue
        if (!repeated) windows.delete(kind)
        else {
          taken.push(repeated)
          windows.set(kind, { startedAt: now.getTime(), repeated: undefined })
        }
      }
      return taken
    },
  }
}

/** One refusal that waits. How long its request took says nothing about a later event. */
export function once(refusal: Refusal): RepeatedRefusal {
  const { actor, subject, at } = refusal
  const { receivedAt: _, ...origin } = actor.origin
  const one = (value: string | null) => (value === null ? [] : [value])
  return {
    refusal: { ...refusal, actor: { ...actor, origin } },
    repeats: 1,
    firstAt: at,
    subjects: one(subject),
    addresses: one(origin.address),
  }
}

function together(one: RepeatedRefusal, other: RepeatedRefusal): RepeatedRefusal {
  const [earlier, later] = one.refusal.at <= other.refusal.at ? [one, other] : [other, one]
  const all = (values: 'subjects' | 'addresses', most: number) =>
    [...new Set([...earlier[values], ...later[values]])].slice(0, most)
  return {
    refusal: {
      ...later.refusal,
      subject: one.refusal.subject === other.refusal.subject ? later.refusal.subject : null,
    },
    repeats: one.repeats + other.repeats,
    firstAt: one.firstAt <= other.firstAt ? one.firstAt : other.firstAt,
    subjects: all('subjects', mostSubjects),
    addresses: all('addresses', mostAddresses),
  }
}

/** Also over if the clock was set back: a wrong clock must not hide repeats for long. */
function isOver({ startedAt }: Window, now: number): boolean {
  return now >= startedAt + minute || now < startedAt
}

function kindOf({ actor, organizationId, operation, code, reason }: Refusal): string {
  return JSON.stringify([actor.clientId, organizationId, operation, code, reason])
}
