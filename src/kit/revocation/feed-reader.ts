import { answersFrom, seconds } from './answers.ts'
import { FeedRefused, readFeedClaims } from './feed-document.ts'
import { hashedNamesOfToken } from './hashed-name.ts'
import { createRefresher } from './refresher.ts'
import type { RevocationList } from './revocation-list.ts'
import { createRuleIndex } from './rule-index.ts'

/** `unchanged`: the server says that it has nothing but what the ETag stands for. */
export type FetchedFeed = { readonly text: string; readonly etag: string | undefined } | 'unchanged'

type FeedListOptions = {
  /** Asks for the changes since the cursor, or for everything. */
  fetchFeed(cursor: string | undefined, etag: string | undefined): Promise<FetchedFeed>
  /** The payload of a document whose signature, type and algorithm were verified with a record key. Rejects for any other. */
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

/** The state of the list: the last document that was applied. */
type Held = { generation: number; sequence: bigint; cursor: string; issuedAt: number }

const dropExpiredEveryMilliseconds = 60_000

/**
 * A list that follows the signed feed. Only a newer document, with a greater `iat`, proves that the list is fresh. A 304
 * is not signed and proves nothing, nor does the same document again. So if an attacker holds documents back or repeats
 * them, the list ages until it no longer answers. The expiry and the clock tolerance limit the age of a first document.
 */
export function createFeedList(options: FeedListOptions): RevocationList {
  const { now, monotonic, issuer, clockToleranceSeconds } = options
  const index = createRuleIndex()
  let held: Held | undefined
  let newsAt: number | undefined
  let droppedAt = monotonic()
  /** Of the document that came from this URL: the same URL is asked again only until the cursor moves on. */
  let tagged: { cursor: string | undefined; etag: string } | undefined

  async function load(startedAt: number): Promise<void> {
    const mustReload = index.lacksRulesAt(seconds(now()))
    if (mustReload) tagged = undefined
    const took = await take(startedAt, mustReload ? undefined : held?.cursor)
    if (!took) await take(startedAt, undefined)
    if (monotonic() - droppedAt < dropExpiredEveryMilliseconds) return
    index.dropExpired(seconds(now()))
    droppedAt = monotonic()
  }

  /** False when there is a gap between the list and the delta that came. */
  async function take(startedAt: number, cursor: string | undefined): Promise<boolean> {
    const before = held
    const answer = await options.fetchFeed(cursor, held && tagged?.cursor === cursor ? tagged?.etag : undefined)
    if (answer === 'unchanged') return true
    const payload = await options.open(answer.text)
    const at = seconds(now())
    const { claims, rules } = readFeedClaims(payload, { issuer, now: at, clockToleranceSeconds })
    const sequence = BigInt(claims.sequence)
    if (
      held &&
      (claims.generation < held.generation || (claims.generation === held.generation && sequence < held.sequence))
    ) {
      throw new FeedRefused('it goes back to before what is already known')
    }
    if (claims.since === undefined) index.replace(withoutEmpty(rules))
    else if (held && claims.since === held.cursor && claims.generation === held.generation) {
      for (const [name, list] of rules) index.set(name, list)
    } else if (held !== before)
      return true // another request was faster, and the list is as fresh as that one left it
    else if (cursor === undefined) throw new FeedRefused('it is a delta, which nobody asked for')
    else return false
    if (!held || claims.iat > held.issuedAt) {
      // Beyond the tolerance the document was old on arrival, and counts as that old.
      newsAt = startedAt - Math.max(0, at - claims.iat - clockToleranceSeconds) * 1000
    }
    held = {
      generation: claims.generation,
      sequence,
      cursor: claims.cursor,
      issuedAt: Math.max(claims.iat, held?.issuedAt ?? 0),
    }
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
