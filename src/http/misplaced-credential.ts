import type { Context, MiddlewareHandler } from 'hono'
import { ServiceError } from '../errors.ts'
import type { InspectParameter } from '../oauth/form.ts'
import { type AppEnv, headerLines, requestOrigin } from './context.ts'
import { containsCredential } from './credential-text.ts'

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
  if (containsCredential(c.req.url, issuer)) {
    throw misplaced('The URL contains an API key or an access token. URLs are logged and stored.')
  }
  for (const [name, value] of headerLines(c)) {
    if (!credentialHeaders.has(name.toLowerCase()) && containsCredential(value, issuer)) {
      c.set('origin', { ...requestOrigin(c), agent: null }) // the log line of the request would name the agent
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
