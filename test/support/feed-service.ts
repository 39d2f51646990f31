import type { Db } from '../../src/db/database.ts'
import type { Fetch } from '../../src/kit/document.ts'
import { feedType } from '../../src/kit/revocation/feed-document.ts'
import { authorizationServerMetadata } from '../../src/oauth/metadata.ts'
import { createRevocationFeed, type RevocationFeed } from '../../src/revocation/feed.ts'
import { createServiceRevocationList, type ServiceRevocationList } from '../../src/revocation/service-list.ts'
import { signJwt } from '../../src/signing-keys/jwt.ts'
import { generateKeyPair } from '../../src/signing-keys/key-pair.ts'
import { createSigner } from '../../src/signing-keys/webcrypto-signer.ts'
import type { MovableClock } from './clock.ts'

export const feedIssuer = 'https://auth.example'

/** An issuer's key of either purpose: what it publishes, and how it signs. */
export async function someSigningKey() {
  const { kid, publicJwk, privateJwk } = await generateKeyPair('ES256')
  const signer = { kid, algorithm: 'ES256', sign: await createSigner('ES256', privateJwk) } as const
  return {
    kid,
    published: { ...publicJwk, kid, alg: 'ES256', use: 'sig' },
    sign: async (claims: object, typ = feedType) => await signJwt(signer, typ, claims),
  }
}

export type FeedService = {
  readonly list: ServiceRevocationList
  readonly feed: RevocationFeed
  readonly recordKey: Awaited<ReturnType<typeof someSigningKey>>
  /** Documents signed so far. */
  signatures(): number
  /** Answers like the service over HTTP: metadata, record keys, feed. */
  readonly fetch: Fetch
  /** Paths that were asked for, with their queries. */
  readonly asked: string[]
  /** Put in front of `/revocations`: a network or a service that misbehaves. */
  misbehave:
    | ((url: URL, honest: () => Promise<Response>, init: RequestInit) => Response | Promise<Response>)
    | undefined
}

/** A publisher over the service's own list on this database. */
export async function startFeedService(db: Db, clock: MovableClock): Promise<FeedService> {
  const recordKey = await someSigningKey()
  let signatures = 0
  const list = createServiceRevocationList({ db, database: {}, now: clock.now, refreshInRequest: true })
  const feed = createRevocationFeed({
    list,
    issuer: feedIssuer,
    now: clock.now,
    sign(claims) {
      signatures += 1
      return recordKey.sign(claims)
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
        return Response.json(authorizationServerMetadata({ issuer: feedIssuer, revocationLatencySeconds: 10 }))
      }
      if (url.pathname.endsWith('/record-keys.json')) return Response.json({ keys: [recordKey.published] })
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
