import type { MiddlewareHandler } from 'hono'
import { invalidRequest } from '../errors.ts'
import { type AppEnv, headerLines } from './context.ts'

/**
 * Refuses a request with two Host lines, as RFC 9112 §3.2 requires: Node takes the first, and a proxy in front may have
 * taken the other. Node itself refuses a request without one.
 */
export const refuseTwoHosts: MiddlewareHandler<AppEnv> = function countHosts(c, next) {
  let hosts = 0
  for (const [name] of headerLines(c)) if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1
  if (hosts > 1) throw invalidRequest('The request has more than one Host header. Send one.')
  return next()
}
