import type { Fetch } from '../../src/kit/document.ts'
import { type RemoteKeySetOptions, remoteKeySet } from '../../src/kit/key-sets/remote-key-set.ts'
import { createClock, issuerUrl } from './test-issuer.ts'

export type RemoteIssuer = {
  keys: readonly object[]
  isAway: boolean
  /** Sent with the key set. */
  headers: Record<string, string>
  metadata: object
  readonly requests: { url: string; noCache: boolean }[]
  /** Fetches of the key set so far. */
  fetches(): { noCache: boolean }[]
  readonly fetch: Fetch
}

/** An issuer's HTTP side in this process: what it publishes can be changed, it can be away, and it counts what is fetched. */
export function createRemoteIssuer(keys: readonly object[]): RemoteIssuer {
  const jwksUrl = `${issuerUrl}/.well-known/jwks.json`
  const issuer: RemoteIssuer = {
    keys,
    isAway: false,
    headers: {},
    metadata: { issuer: issuerUrl, jwks_uri: jwksUrl },
    requests: [],
    fetches: () => issuer.requests.filter(({ url }) => url === jwksUrl),
    async fetch(url, init) {
      issuer.requests.push({ url, noCache: new Headers(init.headers).get('cache-control') === 'no-cache' })
      // A turn of the event loop, as long as any network takes at least.
      await new Promise((resolve) => setImmediate(resolve))
      if (issuer.isAway) throw new TypeError('fetch failed')
      if (url === `${issuerUrl}/.well-known/oauth-authorization-server`) return Response.json(issuer.metadata)
      if (url === jwksUrl) return Response.json({ keys: issuer.keys }, { headers: issuer.headers })
      return new Response(null, { status: 404 })
    },
  }
  return issuer
}

/** A key set of that issuer with a clock to move. `settled` waits for refreshes that nobody waits for. */
export function createRemoteKeys(issuer: RemoteIssuer, options: Partial<RemoteKeySetOptions> = {}) {
  const clock = createClock()
  const keys = remoteKeySet({ issuer: issuerUrl, fetch: issuer.fetch, now: () => clock.now(), ...options })
  return {
    clock,
    keys,
    async settled() {
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    },
  }
}
