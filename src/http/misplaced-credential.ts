import type { Context, MiddlewareHandler } from 'hono'
import { containsApiKey } from '../api-keys/format.ts'
import { ServiceError } from '../errors.ts'
import { readJsonObject } from '../kit/json-object.ts'
import type { InspectParameter } from '../oauth/form.ts'
import { type AppEnv, headerLines } from './context.ts'

// Names, paths and descriptions go to tables that are never emptied: the audit trail, usage, settings. So a request
// with a credential anywhere but in its proper place is refused before anything is stored.

const credentialHeaders: ReadonlySet<string> = new Set(['authorization', 'x-api-key'])
const credentialMembers: ReadonlySet<string> = new Set(['client_secret', 'subject_token', 'token'])

/**
 * Refuses a credential in the path, the query or a header. The readers of the body inspect its members. Throws
 * `misplaced_credential`. Finds API keys and access tokens of this issuer, not secrets of imported keys, which may have
 * any format.
 */
export const refuseMisplacedCredentials: MiddlewareHandler<AppEnv> = function inspectRequest(c, next) {
  const { issuer } = c.get('services').config
  if (spellingsOf(c.req.url).some((text) => containsCredential(text, issuer))) {
    throw misplaced('The URL contains an API key or an access token. URLs are logged and stored.')
  }
  for (const [name, value] of headerLines(c)) {
    if (!credentialHeaders.has(name.toLowerCase()) && containsCredential(value, issuer)) {
      throw misplaced('A header other than Authorization and X-API-Key contains an API key or an access token.')
    }
  }
  return next()
}

/** For each parameter of a form. */
export function inspectFormMember(c: Context<AppEnv>): InspectParameter {
  const { issuer } = c.get('services').config
  return (name, value) => {
    if (!credentialMembers.has(name) && containsCredential(`${name} ${value}`, issuer))
      throw misplaced('A parameter that is not for credentials contains an API key or an access token.')
  }
}

/** For a JSON body: no member of the admin API is for a credential. */
export function inspectJson(c: Context<AppEnv>, body: unknown): void {
  const { issuer } = c.get('services').config
  const left = [body]
  for (let value = left.pop(); value !== undefined; value = left.pop()) {
    if (typeof value === 'string' && containsCredential(value, issuer))
      throw misplaced('The body contains an API key or an access token.')
    // One by one: a call takes only so many arguments.
    if (Array.isArray(value)) for (const item of value) left.push(item)
    else if (typeof value === 'object' && value !== null)
      for (const [name, member] of Object.entries(value)) left.push(name, member)
  }
}

function misplaced(found: string): ServiceError {
  return new ServiceError('misplaced_credential', {
    detail: `${found} Treat it as leaked: revoke it. Send credentials as Authorization or X-API-Key only.`,
    reason: 'credential in a wrong place',
  })
}

/** The URL as sent and decoded, twice at most: a proxy or a log viewer may decode it once more. */
function spellingsOf(url: string): string[] {
  const spellings = [url]
  for (let text = url; spellings.length < 3 && text.includes('%'); spellings.push(text)) text = decoded(text)
  return spellings
}

/** Decodes what can be decoded, even if other escapes are wrong. */
function decoded(text: string): string {
  return text.replace(/%[0-7][0-9A-Fa-f]/g, (coded) => String.fromCharCode(Number.parseInt(coded.slice(1), 16)))
}

function containsCredential(text: string, issuer: string): boolean {
  if (text.length < shortestCredential) return false
  return (/_(?:live|test)_/.test(text) && containsApiKey(text)) || (text.includes('.') && containsToken(text, issuer))
}

/** An API key has at least this length, and so has every access token. */
const shortestCredential = 50

/** An access token of this issuer, with any signature. Linear in the text. */
function containsToken(text: string, issuer: string): boolean {
  return text.split(/[^\w.-]+/).some((run) => {
    const parts = run.split('.')
    return parts.some((part, at) => at + 2 < parts.length && isToken(part, parts[at + 1] ?? '', issuer))
  })
}

function isToken(header: string, payload: string, issuer: string): boolean {
  if (header.length < 20 || payload.length < 20) return false
  const [head, claims] = [readJsonObject(header), readJsonObject(payload)]
  if (typeof head === 'string' || typeof claims === 'string') return false
  return typeof head.typ === 'string' && /^(?:application\/)?at\+jwt$/i.test(head.typ) && claims.iss === issuer
}
