import { answersFrom, seconds } from './answers.ts'
import { FeedRefused, readFeedClaims } from './feed-document.ts'
import { hashedNamesOfToken } from './hashed-name.ts'
import { createRefresher } from './refresher.ts'
import type { RevocationList } from './revocation-list.ts'
import { createRuleIndex } from './rule-index.ts'

/** `unchanged`: the server answered 304, so it has nothing newer than the document with the sent ETag. */
export type FetchedFeed = { readonly text: string; readonly etag: string | undefined } | 'unchanged'

type FeedListOptions = {
  /** Requests the changes since the cursor, or the whole list if there is no cursor. */
  fetchFeed(cursor: string | undefined, etag: string | undefined): Promise<FetchedFeed>
  /**
   * Verifies signature, type and algorithm with the record keys, then returns the payload. Rejects if one of them is
   * wrong.
   */
  open(text: string): Promise<unknown>
  issuer: string
  now(): Date
  monotonic(): number
  refreshMilliseconds: number
  maximumStalenessMilliseconds: number
  deadlineMilliseconds: number
  clockToleranceSeconds: number
  inRequest: boolean
}

/** The last document that was applied. */
type Held = { generation: number; sequence: number; issuedAt: number }

const dropExpiredEveryMilliseconds = 60_000

/**
 * A list that follows the signed feed. Only a document with a greater `iat` proves that the list is fresh. A 304 is not
 * signed and proves nothing, and neither does the same document again. So if an attacker holds back or repeats
 * documents, the list ages until it stops answering. The expiry and the clock tolerance limit the age of the first
 * document.
 */
export function createFeedList(options: FeedListOptions): RevocationList {
  const { now, monotonic, issuer, clockToleranceSeconds } = options
  const index = createRuleIndex()
  let held: Held | undefined
  let newsAt: number | undefined
  let droppedAt = monotonic()
  /** The ETag of the last document, and the cursor it was requested with. The ETag is sent only with this cursor. */
  let tagged: { cursor: string | undefined; etag: string } | undefined

  async function load(startedAt: number): Promise<void> {
    const mustReload = index.lacksRulesAt(seconds(now()))
    if (mustReload) tagged = undefined
    const took = await take(startedAt, mustReload || !held ? undefined : `${held.generation}.${held.sequence}`)
    if (!took) await take(startedAt, undefined)
    if (monotonic() - droppedAt < dropExpiredEveryMilliseconds) return
    // The document's time ends a rule: this clock may run fast.
    index.dropExpired(Math.min(seconds(now()), held?.issuedAt ?? 0))
    droppedAt = monotonic()
  }

  /** False if the delta does not continue the list. */
  async function take(startedAt: number, cursor: string | undefined): Promise<boolean> {
    const before = held
    const answer = await options.fetchFeed(cursor, held && tagged?.cursor === cursor ? tagged?.etag : undefined)
    if (answer === 'unchanged') return true
    const payload = await options.open(answer.text)
    const at = seconds(now())
    const { claims, rules } = readFeedClaims(payload, { issuer, now: at, clockToleranceSeconds })
    const { generation, sequence, since } = claims
    if (held && (generation < held.generation || (generation === held.generation && sequence < held.sequence))) {
      throw new FeedRefused('it goes back: the list already has a newer document')
    }
    if (since === undefined) index.replace(withoutEmpty(rules))
    else if (held && since <= held.sequence && generation === held.generation) {
      for (const [name, list] of rules) index.set(name, list)
    } else if (held !== before)
      return true // another request updated the list first, and set its age
    else if (cursor === undefined) throw new FeedRefused('it is a delta, and none was requested')
    else return false
    if (!held || claims.iat > held.issuedAt) {
      // If the document was older than the tolerance when it arrived, the excess counts as age of the list.
      newsAt = startedAt - Math.max(0, at - claims.iat - clockToleranceSeconds) * 1000
    }
    index.reached(claims.iat)
    held = { generation, sequence, issuedAt: Math.max(claims.iat, held?.issuedAt ?? 0) }
    tagged = answer.etag === undefined ? undefined : { cursor, etag: answer.etag }
    return true
  }

  const refresher = createRefresher({
    load,
    newsAt: () => newsAt,
    monotonic,
    intervalMilliseconds: options.refreshMilliseconds,
    maximumStalenessMilliseconds: options.maximumStalenessMilliseconds,
    deadlineMilliseconds: options.deadlineMilliseconds,
    inRequest: options.inRequest,
    startsWhenAsked: true,
  })

  return {
    namesOf: hashedNamesOfToken,
    ...answersFrom(index, refresher, now),
    async close() {
      refresher.close()
    },
  }
}

function withoutEmpty<List extends readonly unknown[]>(rules: ReadonlyMap<string, List>): ReadonlyMap<string, List> {
  return new Map([...rules].filter(([, list]) => list.length > 0))
}
