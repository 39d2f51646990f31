import { type FeedClaims, feedRule } from '../kit/revocation/feed-document.ts'
import { hashedName } from '../kit/revocation/hashed-name.ts'
import type { ListPosition } from '../kit/revocation/synced-rules.ts'
import { monotonicMilliseconds } from '../kit/runtime.ts'
import type { RevocationSnapshot, ServiceRevocationList } from './service-list.ts'

type FeedDocument = {
  /** Compact JWS of `FeedClaims`; content type `application/jwt`. */
  body: string
  /** Strong ETag: equal only for the same bytes. */
  etag: string
  maxAgeSeconds: number
}

export type RevocationFeed = {
  /**
   * Returns the changes since an earlier document of any instance, whose `<generation>.<sequence>` is the cursor. Without
   * a cursor, or if the changes are unknown, returns the whole list. Rejects with `RevocationListUnavailable` if the service's own list is not
   * fresh.
   */
  document(cursor?: string): Promise<FeedDocument>
}

type RevocationFeedOptions = {
  list: Pick<ServiceRevocationList, 'snapshot' | 'refresh'>
  issuer: string
  /** Signs claims as `typ: mintage-revocations-v2+jwt` with the active record key. */
  sign: (claims: object) => Promise<string>
  now: () => Date
  maximumStalenessSeconds?: number
  /** A monotonic clock in milliseconds; the process's own by default. */
  monotonic?: () => number
}

type Signed = { readonly at: Instant; readonly snapshot: RevocationSnapshot; readonly document: Promise<FeedDocument> }

/** Both clocks, in milliseconds. The one that shows more elapsed time is used. */
type Instant = { readonly wall: number; readonly monotonic: number }

const maxAgeSeconds = 1
/** A document older than this is signed again when it is requested, if the list was read again in the meantime. */
const lifetimeMilliseconds = 1000
/** If the list changed, a document is signed again after this shorter time. */
const leastLifetimeMilliseconds = 200
/** Signing a long list takes time, so the whole list may be older. The changes after it are not affected. */
const long = { rules: 10_000, lifetimeMilliseconds: 4000 }
/**
 * How many cursors get a separate document in one second. Requests with other cursors get the whole list, which is
 * signed only once.
 */
const mostDeltas = 32

export function createRevocationFeed(options: RevocationFeedOptions): RevocationFeed {
  const { list, issuer, sign, now, maximumStalenessSeconds = 10, monotonic = monotonicMilliseconds } = options
  /** Keyed by the requested cursor; '' = the whole list. */
  const signed = new Map<string, Signed>()

  const instant = (): Instant => ({ wall: now().getTime(), monotonic: monotonic() })
  const since = (at: Instant): number => Math.max(Math.abs(now().getTime() - at.wall), monotonic() - at.monotonic)

  /** Reads the snapshot before the first await, so that the document matches its position. */
  function makeDocument(
    snapshot: RevocationSnapshot,
    since: number | undefined,
    changed: ReadonlySet<string> | undefined,
  ): Promise<FeedDocument> {
    const { position, readAt } = snapshot
    const rules = [...(changed ?? snapshot.names())].map(
      (name) => [hashedName(name), snapshot.rulesOf(name).map(feedRule)] as const,
    )
    // The time when the list was read, not signed: signing again must not make an old list look fresh.
    const iat = readAt.getTime() / 1000
    const head = { iss: issuer, iat, exp: iat + maximumStalenessSeconds, ...position }
    return signDocument(since === undefined ? head : { ...head, since }, rules)
  }

  async function signDocument(
    head: Omit<FeedClaims, 'rules'>,
    rules: readonly (readonly [string | Promise<string>, FeedClaims['rules'][string]])[],
  ): Promise<FeedDocument> {
    const entries: [string, FeedClaims['rules'][string]][] = []
    // Awaits only promises, because awaiting a hundred thousand plain values is slow.
    for (const [name, list] of rules) entries.push([typeof name === 'string' ? name : await name, list])
    const body = await sign({ ...head, rules: Object.fromEntries(entries) } satisfies FeedClaims)
    // Every signature is different, so its end identifies the whole document.
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

  /** Another instance may have a newer list than this one. Its readers must not get an older list here. */
  async function catchUp(snapshot: RevocationSnapshot, wanted: ListPosition | undefined): Promise<RevocationSnapshot> {
    if (!wanted || wanted.generation < snapshot.position.generation) return snapshot
    const isAhead = wanted.generation > snapshot.position.generation || wanted.sequence > snapshot.position.sequence
    const isRecent = Math.abs(now().getTime() - snapshot.readAt.getTime()) < leastLifetimeMilliseconds
    if (!isAhead || isRecent) return snapshot
    await list.refresh().catch(() => {})
    return await list.snapshot()
  }

  return {
    async document(cursor = '') {
      const since = parseCursor(cursor)
      const snapshot = await catchUp(await list.snapshot(), since)
      forgetOld()
      const known = signed.get(cursor)
      if (known && isCurrent(known, snapshot, cursor !== '')) return await known.document
      const mayBeDelta = signed.has(cursor) || signed.size <= mostDeltas
      const changed = since && mayBeDelta ? snapshot.changedSince(since) : undefined
      if (cursor !== '' && changed === undefined) return await this.document()
      const document = makeDocument(snapshot, since?.sequence, changed)
      signed.set(cursor, { at: instant(), snapshot, document })
      document.catch(() => signed.delete(cursor))
      return await document
    },
  }
}

/** `<generation>.<sequence>` of the document that a reader has. Undefined if the text is not a cursor. */
function parseCursor(text: string): ListPosition | undefined {
  const [, generation, sequence] = /^(\d{1,15})\.(\d{1,15})$/.exec(text) ?? []
  return generation === undefined ? undefined : { generation: Number(generation), sequence: Number(sequence) }
}
