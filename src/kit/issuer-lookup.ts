import { AccessTokenError } from './access-token-error.ts'
import type { Fetch } from './document.ts'
import { fetchIssuerMetadata, type IssuerMetadata } from './issuer-metadata.ts'

/** The issuer's metadata, fetched when it is first needed and kept until `forget`. */
type IssuerLookup = {
  jwksUri(): Promise<string>
  /** The next `jwksUri` fetches the metadata again: the JWK Set may have moved. */
  forget(): void
  /** Undefined before the first fetch, and for an issuer that does not say it. */
  longestTokenSeconds(): number | undefined
  /**
   * Fetches the metadata past all caches, at most once per cool-down. Resolves at once when that was done. Rejects with
   * `unavailable` when the issuer cannot be reached.
   */
  refresh(): Promise<void>
}

type IssuerLookupOptions = {
  readonly issuer: string
  readonly fetch: Fetch
  readonly timeoutMilliseconds: number
  /** The clock, and the cool-down, in milliseconds. */
  readonly time: () => number
  readonly coolDown: number
  /** Whether requests may wait for each other's fetches. */
  readonly sharesWork: boolean
}

export function createIssuerLookup(options: IssuerLookupOptions): IssuerLookup {
  const { time, coolDown, sharesWork } = options
  let metadata: IssuerMetadata | undefined
  let longestTokenSeconds: number | undefined
  let refreshed: { at: number; failure: unknown } | undefined
  let refreshing: Promise<void> | undefined

  async function load(noCache: boolean): Promise<IssuerMetadata> {
    const loaded = await fetchIssuerMetadata({ ...options, noCache })
    metadata = loaded
    longestTokenSeconds = loaded.longestTokenSeconds
    return loaded
  }

  async function refreshOnce(): Promise<void> {
    const at = time()
    const known = refreshed
    if (known && Math.abs(at - known.at) < coolDown) {
      if (known.failure === undefined) return
      throw unavailable(coolDown - Math.abs(at - known.at), known.failure)
    }
    try {
      await load(true)
      refreshed = { at, failure: undefined }
    } catch (failure) {
      refreshed = { at, failure }
      throw unavailable(coolDown, failure)
    }
  }

  return {
    jwksUri: async () => (metadata ?? (await load(false))).jwksUri,
    forget() {
      metadata = undefined
    },
    longestTokenSeconds: () => longestTokenSeconds,
    refresh() {
      if (!sharesWork) return refreshOnce()
      refreshing ??= refreshOnce().finally(() => {
        refreshing = undefined
      })
      return refreshing
    },
  }
}

function unavailable(milliseconds: number, cause: unknown): AccessTokenError {
  const retryAfterSeconds = Math.max(1, Math.ceil(milliseconds / 1000))
  return new AccessTokenError('unavailable', 'keys_unavailable', { retryAfterSeconds, cause })
}
