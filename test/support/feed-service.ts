import type { Db } from '../../src/db/database.ts'
import type { Fetch } from '../../src/kit/document.ts'
import { feedType } from '../../src/kit/revocation/feed-document.ts'
import { authorizationServerMetadata } from '../../src/oauth/metadata.ts'
import { createRevocationFeed, type RevocationFeed } from '../../src/revocation/feed.ts'
import { createServiceRevocationList, type ServiceRevocationList } from '../../src/revocation/service-list.ts'
import type { MovableClock } from './clock.ts'
import { createTestIssuer, issuerUrl, type TestIssuer } from './test-issuer.ts'

/** Signs a document of the feed like the service, whatever its claims are. */
export function signFeed(key: TestIssuer, claims: object, typ: string = feedType): Promise<string> {
  return key.sign({ ...key.header, typ }, claims)
}

export type FeedService = {
  readonly list: ServiceRevocationList
  readonly feed: RevocationFeed
  readonly recordKey: TestIssuer
  /** Documents signed so far. */
  signatures(): number
  /** Answers like the service over HTTP: metadata, record keys, feed. */
  readonly fetch: Fetch
  /** Requested paths, with their queries. */
  readonly asked: string[]
  /** Runs in place of `/revocations`: a network or a service that misbehaves. */
  misbehave:
    | ((url: URL, honest: () => Promise<Response>, init: RequestInit) => Response | Promise<Response>)
    | undefined
}

/** A publisher over the service's own list on this database. */
export async function startFeedService(db: Db, clock: MovableClock): Promise<FeedService> {
  const recordKey = await createTestIssuer('ES256', 'record-key')
  let signatures = 0
  const list = createServiceRevocationList({ db, database: {}, now: clock.now, refreshInRequest: true })
  const feed = createRevocationFeed({
    list,
    issuer: issuerUrl,
    now: clock.now,
    sign(claims) {
      signatures += 1
      return signFeed(recordKey, claims)
    },
  })
  const service: FeedService = {
    list,
    feed,
    recordKey,
    signatures: () => signatures,
    asked: [],
    misbehave: undefined,
    async fetch(input, init) {
      const url = new URL(input)
      service.asked.push(url.pathname + url.search)
      if (url.pathname.endsWith('/oauth-authorization-server')) {
        const facts = {
          issuer: issuerUrl,
          revocationLatencySeconds: 10,
          maxTokenLifetimeSeconds: 3600,
          algorithms: ['ES256'],
        }
        return Response.json(authorizationServerMetadata(facts))
      }
      if (url.pathname.endsWith('/record-keys.json')) return Response.json(recordKey.jwks)
      const honest = async () => {
        const { body, etag } = await feed.document(url.searchParams.get('cursor') ?? undefined)
        if (new Headers(init.headers).get('if-none-match') === etag)
          return new Response(null, { status: 304, headers: { etag } })
        return new Response(body, { headers: { etag, 'content-type': 'application/jwt' } })
      }
      return await (service.misbehave ? service.misbehave(url, honest, init) : honest())
    },
  }
  return service
}

/** The claims of a compact JWS, unverified. */
export function claimsOf(text: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString())
}
