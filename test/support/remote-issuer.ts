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

/**
 * An issuer's HTTP side in this process. A test can change what it publishes, make it unreachable, and count the
 * fetches.
 */
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
      // An event-loop turn, which every network takes at least.
      await new Promise((resolve) => setImmediate(resolve))
      if (issuer.isAway) throw new TypeError('fetch failed')
      if (url === `${issuerUrl}/.well-known/oauth-authorization-server`) return Response.json(issuer.metadata)
      if (url === jwksUrl) return Response.json({ keys: issuer.keys }, { headers: issuer.headers })
      return new Response(null, { status: 404 })
    },
  }
  return issuer
}

/** A key set of that issuer with a movable clock. `settled` waits for refreshes in the background. */
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
