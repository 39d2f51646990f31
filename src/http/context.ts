import type { Context, MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type { Principal, RequestOrigin } from '../access/principal.ts'
import type { Sender } from '../api-keys/authenticate.ts'
import { randomToken } from '../crypto/random.ts'
import type { Services } from '../services.ts'
import { clientAddress } from './client-address.ts'

/** The variables on Hono's context in every handler. */
export type AppEnv = {
  Variables: {
    services: Services
    requestId: string
    /** When the request arrived. Decisions about the request use this time. */
    receivedAt: Date
    /** Where the request came from. Absent until the first call of `requestOrigin`. */
    origin?: RequestOrigin
    /** Whose request it is, for the log. Absent until the API key is found. */
    caller?: Caller
    /** Set by `authenticate` on the admin routes, absent elsewhere. */
    principal: Principal
  }
}

type Caller = { readonly clientId: string; readonly organizationId: string }

/** Gives the services for a request: always the same on Node, a new object for each request on Workers. */
export type ResolveServices = (c: Context<AppEnv>) => Services

/**
 * Runs around every route. Before: sets services, request id and arrival time. After: counts metrics and writes one log
 * line. Neither contains the path, the query, or any header except the user agent.
 */
export function requestContext(resolveServices: ResolveServices): MiddlewareHandler<AppEnv> {
  return async function setRequestContext(c, next) {
    const services = resolveServices(c)
    const startedAt = performance.now()
    const requestId = `req_${randomToken()}`
    c.set('services', services)
    c.set('receivedAt', services.now())
    c.set('requestId', requestId)
    await next()
    // POST /token sets the header itself: changing the headers of a finished response costs more than this function.
    if (c.req.path !== '/token') c.res.headers.set('X-Request-Id', requestId)
    account(c, services, (performance.now() - startedAt) / 1000)
  }
}

function account(c: Context<AppEnv>, { metrics, log }: Services, seconds: number) {
  const { status } = c.res
  const route = status === 404 && c.error === undefined ? 'unmatched' : routePath(c, -1)
  const method = knownMethods.has(c.req.method) ? c.req.method : 'OTHER'
  metrics.request(route, method, status, seconds)
  const level = polled.has(route) && status < 400 ? 'debug' : 'info'
  if (!log.enabled(level)) return
  const { requestId, address, agent } = requestOrigin(c)
  log(level, 'request', {
    requestId,
    method,
    route,
    status,
    milliseconds: Math.round(seconds * 1e5) / 100,
    ...c.get('caller'),
    address,
    agent,
  })
}

/** Programs request these every few seconds. Their failures are logged like all others. */
const polled: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics', '/revocations'])

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** For what checks an API key: where it came from, and where to note whose it is. */
export function sender(c: Context<AppEnv>): Sender {
  const { address, agent } = requestOrigin(c)
  return { address, agent, found: ({ id, organizationId }) => c.set('caller', { clientId: id, organizationId }) }
}

/** Where the request came from, for the audit trail and the log. Computed on first use. */
export function requestOrigin(c: Context<AppEnv>): RequestOrigin {
  const known = c.get('origin')
  if (known) return known
  const { platform, config } = c.get('services')
  const agent = c.req.header('user-agent')
  const origin: RequestOrigin = {
    requestId: c.get('requestId'),
    address: clientAddress(
      platform.peerAddress(c.req.raw, c.env),
      c.req.header('x-forwarded-for'),
      config.trustedProxyHops,
    ),
    agent: agent === undefined ? null : agent.slice(0, 256),
    receivedAt: c.get('receivedAt'),
  }
  c.set('origin', origin)
  return origin
}

/** On Node the lines as they came: building a Headers object would cost more than reading them. */
export function* headerLines(c: Context<AppEnv>): Iterable<readonly [string, string]> {
  const lines: unknown = Object(Object(c.env).incoming).rawHeaders
  if (!Array.isArray(lines)) return yield* c.req.raw.headers
  for (let at = 0; at + 1 < lines.length; at += 2) yield [String(lines[at]), String(lines[at + 1])]
}
