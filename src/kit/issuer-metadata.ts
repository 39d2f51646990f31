import { type Fetch, fetchDocument, isAcceptableUrl } from './document.ts'
import { isJsonObject, type JsonObject } from './json-object.ts'

/** The parts of the issuer's metadata (RFC 8414 §2) that a verifier needs. */
export type IssuerMetadata = {
  readonly jwksUri: string
  readonly revocationsUri: string | undefined
  readonly recordKeysUri: string | undefined
  /** The longest lifetime of the issuer's tokens. */
  readonly longestTokenSeconds: number | undefined
}

const largestMetadata = 65_536

/**
 * Fetches the issuer's metadata. Refuses a document whose issuer is not exactly the same (RFC 8414 §3.3), URLs with
 * less protection than the issuer's, and a token lifetime that is not a whole number of seconds up to a year. Rejects
 * with an Error that says which.
 */
export async function fetchIssuerMetadata(options: {
  issuer: string
  fetch: Fetch
  timeoutMilliseconds: number
  /** Asks caches on the way for what the issuer says now. */
  noCache?: boolean
}): Promise<IssuerMetadata> {
  const { issuer, fetch, timeoutMilliseconds, noCache = false } = options
  const { json } = await fetchDocument({
    fetch,
    url: metadataUrl(issuer),
    timeoutMilliseconds,
    maximumBytes: largestMetadata,
    noCache,
  })
  return readIssuerMetadata(json, issuer)
}

/** The checks of `fetchIssuerMetadata`, without the fetch. */
export function readIssuerMetadata(json: unknown, issuer: string): IssuerMetadata {
  if (!isJsonObject(json)) throw new Error('the metadata is not a JSON object')
  if (json.issuer !== issuer)
    throw new Error(`the metadata found at the well-known path of ${issuer} is from another issuer`)
  const jwksUri = readUrl(json, 'jwks_uri', issuer)
  if (jwksUri === undefined) throw new Error('the metadata has no jwks_uri')
  return {
    jwksUri,
    revocationsUri: readUrl(json, 'revocations_uri', issuer),
    recordKeysUri: readUrl(json, 'record_keys_uri', issuer),
    longestTokenSeconds: readLifetime(json.max_token_lifetime_seconds),
  }
}

/** The longest lifetime that a verifier may be told to accept: one year. */
export const mostTokenSeconds = 31_536_000

function readLifetime(seconds: unknown): number | undefined {
  if (seconds === undefined) return undefined
  if (typeof seconds === 'number' && Number.isInteger(seconds) && seconds >= 1 && seconds <= mostTokenSeconds)
    return seconds
  throw new Error(`max_token_lifetime_seconds in the metadata is not a whole number from 1 to ${mostTokenSeconds}`)
}

/** RFC 8414 §3.1: the well-known path goes between the issuer's host and its path. A trailing slash is dropped. */
export function metadataUrl(issuer: string): string {
  const { origin, pathname } = new URL(issuer)
  return `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`
}

/** An issuer identifier is an http(s) URL without query and fragment (RFC 8414 §2). Throws a TypeError. */
export function checkIssuer(issuer: string): void {
  if (typeof issuer !== 'string' || !isAcceptableUrl(issuer, issuer) || /[?#]/.test(issuer)) {
    throw new TypeError('issuer must be an https URL without query, fragment and credentials (http for development)')
  }
}

function readUrl(json: JsonObject, name: string, issuer: string): string | undefined {
  const url = json[name]
  if (url === undefined) return undefined
  if (typeof url !== 'string' || !isAcceptableUrl(url, issuer))
    throw new Error(`${name} in the metadata is not an acceptable URL`)
  return url
}
