import { Hono } from 'hono'
import { adminRoutes } from './http/admin/routes.ts'
import { authorizeRoutes } from './http/authorize.ts'
import { type AppEnv, type ResolveServices, requestContext } from './http/context.ts'
import { docsRoutes } from './http/docs/routes.ts'
import { errorResponse, notFound } from './http/error-response.ts'
import { healthRoutes } from './http/health.ts'
import { homeRoutes } from './http/home.ts'
import { refuseTwoHosts } from './http/host-header.ts'
import { introspectRoutes } from './http/introspect.ts'
import { metricsRoutes } from './http/metrics.ts'
import { refuseMisplacedCredentials } from './http/misplaced-credential.ts'
import { openApiRoutes } from './http/openapi.ts'
import { revocationsRoutes } from './http/revocations.ts'
import { revokeRoutes } from './http/revoke.ts'
import { rememberingRouter } from './http/router.ts'
import { tokenRoutes } from './http/token.ts'
import { wellKnownRoutes } from './http/well-known.ts'

/**
 * Mounts every route once and performs no I/O. The services come from the resolver, request by request.
 *
 * @example
 * ```ts
 * import { Hono } from 'hono'
 * import { createApp, loadConfig } from 'mintage'
 * import { processLog, startServices } from 'mintage/node'
 *
 * const settings = loadConfig(process.env)
 * const { log } = processLog(settings.logLevel, () => new Date())
 * const { services } = await startServices(settings, { log })
 *
 * const app = new Hono()
 * app.mount('/auth', createApp(() => services).fetch)
 * ```
 */
export function createApp(resolveServices: ResolveServices): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ router: rememberingRouter() })
  app.use(requestContext(resolveServices))
  app.use(refuseTwoHosts)
  app.use(refuseMisplacedCredentials)
  app.onError((error, c) => errorResponse(c, error))
  app.notFound(notFound)
  tokenRoutes(app)
  introspectRoutes(app)
  revokeRoutes(app)
  authorizeRoutes(app)
  wellKnownRoutes(app)
  revocationsRoutes(app)
  healthRoutes(app)
  metricsRoutes(app)
  const admin = adminRoutes()
  app.route('/v1', admin)
  openApiRoutes(app, admin)
  docsRoutes(app)
  homeRoutes(app)
  return app
}
