import { OpenAPIHono } from '@hono/zod-openapi'
import { authenticate } from '../authenticate.ts'
import type { AppEnv } from '../context.ts'
import { methodNotAllowed } from '../error-response.ts'
import { idempotency } from '../idempotency.ts'
import { apiKeyDisableRoutes } from './api-key-disable.ts'
import { apiKeyImportRoutes } from './api-key-import.ts'
import { apiKeyRevokeRoutes } from './api-key-revoke.ts'
import { apiKeyVersionRoutes } from './api-key-versions.ts'
import { apiKeyRoutes } from './api-keys.ts'
import { auditEventRoutes } from './audit-events.ts'
import { adminDeadline } from './deadline.ts'
import { readJsonBody } from './json-body.ts'
import { kekRoutes } from './keks.ts'
import { meRoutes } from './me.ts'
import { memberRoutes } from './members.ts'
import { organizationRoutes } from './organizations.ts'
import { planRoutes } from './plans.ts'
import { revocationRoutes } from './revocations.ts'
import { roleRoutes } from './roles.ts'
import { serviceAccountRoutes } from './service-accounts.ts'
import { signingKeyRoutes } from './signing-keys.ts'
import { refuseInvalid } from './validation.ts'
import { verifierRoutes } from './verifiers.ts'

/** The admin API, mounted at `/v1`. All routes require authentication. The operations check permissions. */
export function adminRoutes(): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  app.use(adminDeadline())
  app.use(authenticate())
  app.use(readJsonBody)
  app.use(idempotency())
  meRoutes(app)
  organizationRoutes(app)
  planRoutes(app)
  serviceAccountRoutes(app)
  roleRoutes(app)
  memberRoutes(app)
  apiKeyRoutes(app)
  apiKeyDisableRoutes(app)
  apiKeyVersionRoutes(app)
  apiKeyRevokeRoutes(app)
  apiKeyImportRoutes(app)
  signingKeyRoutes(app)
  verifierRoutes(app)
  kekRoutes(app)
  revocationRoutes(app)
  auditEventRoutes(app)
  refuseOtherMethods(app)
  return app
}

/** Answers 405 with `Allow` to methods that a path does not support (RFC 9110 §15.5.6). */
function refuseOtherMethods(app: OpenAPIHono<AppEnv>): void {
  const routes = Map.groupBy(
    app.routes.filter(({ method }) => method !== 'ALL'),
    ({ path }) => path,
  )
  for (const [path, taken] of routes) {
    const allow = [...new Set(taken.map(({ method }) => method))].join(', ')
    app.all(path, (c) => methodNotAllowed(c, allow))
  }
}
