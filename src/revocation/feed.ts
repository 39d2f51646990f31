import { type FeedClaims, feedRule } from '../kit/revocation/feed-document.ts'
import { hashedName } from '../kit/revocation/hashed-name.ts'
import { parseCursor } from '../kit/revocation/snapshot.ts'
import { monotonicMilliseconds } from '../kit/runtime.ts'
import type { RevocationSnapshot, ServiceRevocationList } from './service-list.ts'

export type FeedDocument = {
  /** Compact JWS of `FeedClaims`; content type `application/jwt`. */
  body: string
  /** Strong: equal only for the same bytes. */
  etag: string
  maxAgeSeconds: number
}

export type RevocationFeed = {
  /**
   * The changes since the cursor of an earlier document of any instance, or everything, where there is no cursor or the
   * changes are not known. Rejects with `RevocationListUnavailable` when the service's own list is not fresh.
   */
  document(cursor?: string): Promise<FeedDocument>
}

export type RevocationFeedOptions = {
  list: Pick<ServiceRevocationList, 'snapshot' | 'refresh'>
  issuer: string
  /** Signs claims as `typ: mintage-revocations+jwt` with the active record key. */
  sign: (claims: object) => Promise<string>
  now: () => Date
  maximumStalenessSeconds?: number
  /** Milliseconds that never jump; the process's own when left out. */
  monotonic?: () => number
}

type Signed = { readonly at: Instant; readonly snapshot: RevocationSnapshot; readonly document: Promise<FeedDocument> }

/** By both clocks, in milliseconds: whichever says that more time has passed is believed. */
type Instant = { readonly wall: number; readonly monotonic: number }

const maxAgeSeconds = 1
/** A document is signed again once a second, when somebody asks for it and there is news. */
const lifetimeMilliseconds = 1000
/** A revocation need not wait for the end of that second, but a storm of them signs no more often than this. */
const leastLifetimeMilliseconds = 200
/** The whole of a long list is a lot of work: it may be older, and the deltas that follow it are not. */
const long = { rules: 10_000, lifetimeMilliseconds: 4000 }
/**
 * Deltas from different cursors that are signed in one second. Whoever makes up more of them gets the whole list, which
 * is one.
 */
const mostDeltas = 32

export function createRevocationFeed(options: RevocationFeedOptions): RevocationFeed {
  const { list, issuer, sign, now, maximumStalenessSeconds = 10, monotonic = monotonicMilliseconds } = options
  /** By the cursor that was asked for; the whole list by ''. */
  const signed = new Map<string, Signed>()

  const instant = (): Instant => ({ wall: now().getTime(), monotonic: monotonic() })
  const since = (at: Instant): number => Math.max(Math.abs(now().getTime() - at.wall), monotonic() - at.monotonic)

  /** Looks at the snapshot before anything is awaited: what the document holds is what its position says. */
  function makeDocument(
    snapshot: RevocationSnapshot,
    from: string,
    changed: ReadonlySet<string> | undefined,
  ): Promise<FeedDocument> {
    const { position, cursor, readAt } = snapshot
    const rules = [...(changed ?? snapshot.names())].map(
      (name) => [hashedName(name), snapshot.rulesOf(name).map(feedRule)] as const,
    )
    // As old as the question that brought the list, not as the signature: signing again must not make old news fresh.
    const iat = readAt.getTime() / 1000
    const head = {
      iss: issuer,
      iat,
      exp: iat + maximumStalenessSeconds,
      generation: position.generation,
      sequence: String(position.sequence),
    }
    const base = changed === undefined ? {} : { since: from }
    return signDocument({ ...head, cursor, ...base }, rules)
  }

  async function signDocument(
    head: Omit<FeedClaims, 'rules'>,
    rules: readonly (readonly [string | Promise<string>, FeedClaims['rules'][string]])[],
  ): Promise<FeedDocument> {
    const entries: [string, FeedClaims['rules'][string]][] = []
    // Only a promise is awaited: a hundred thousand turns of the microtask queue are not free.
    for (const [name, list] of rules) entries.push([typeof name === 'string' ? name : await name, list])
    const body = await sign({ ...head, rules: Object.fromEntries(entries) } satisfies FeedClaims)
    // No two signatures are alike, so the end of one tells whole documents apart.
    return { body, etag: `"${body.slice(-32)}"`, maxAgeSeconds }
  }

  function isCurrent({ at, snapshot }: Signed, latest: RevocationSnapshot, isDelta: boolean): boolean {
    if (snapshot.position.generation !== latest.position.generation) return false
    if (snapshot.readAt === latest.readAt) return true
    const age = since(at)
    if (!isDelta && latest.size > long.rules) return age < long.lifetimeMilliseconds
    return age < (snapshot.version === latest.version ? lifetimeMilliseconds : leastLifetimeMilliseconds)
  }

  function forgetOld(): void {
    for (const [cursor, { at }] of signed) if (cursor !== '' && since(at) >= lifetimeMilliseconds) signed.delete(cursor)
  }

  /** Another instance may have read later than this one: its readers must not be sent back. */
  async function catchUp(snapshot: RevocationSnapshot, cursor: string): Promise<RevocationSnapshot> {
    const wanted = parseCursor(cursor)
    if (!wanted || wanted.generation < snapshot.position.generation) return snapshot
    const isAhead = wanted.generation > snapshot.position.generation || wanted.sequence > snapshot.position.sequence
    const isRecent = Math.abs(now().getTime() - snapshot.readAt.getTime()) < leastLifetimeMilliseconds
    if (!isAhead || isRecent) return snapshot
    await list.refresh().catch(() => {})
    return await list.snapshot()
  }

  return {
    async document(cursor = '') {
      const snapshot = await catchUp(await list.snapshot(), cursor)
      forgetOld()
      const known = signed.get(cursor)
      if (known && isCurrent(known, snapshot, cursor !== '')) return await known.document
      const mayBeDelta = cursor !== '' && (signed.has(cursor) || signed.size <= mostDeltas)
      const changed = mayBeDelta ? snapshot.changedSince(cursor) : undefined
      if (cursor !== '' && changed === undefined) return await this.document()
      const document = makeDocument(snapshot, cursor, changed)
      signed.set(cursor, { at: instant(), snapshot, document })
      document.catch(() => signed.delete(cursor))
      return await document
    },
  }
}
