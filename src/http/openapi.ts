import { OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import type { Hono } from 'hono'
import type { Config } from '../config/settings.ts'
import { authorizeDocuments } from './authorize.ts'
import type { AppEnv } from './context.ts'
import { healthDocuments } from './health.ts'
import { introspectRoute } from './introspect.ts'
import { publicDocumentRoute } from './public-document.ts'
import { revocationFeedRoute } from './revocations.ts'
import { revokeRoute } from './revoke.ts'
import { exchangeRoute } from './token.ts'
import { wellKnownDocuments } from './well-known.ts'

/**
 * `GET /openapi.json`: all routes in OpenAPI 3.1. The admin API's part is generated from the schemas that validate its
 * requests. The OAuth endpoints and public documents are described beside their routes. Created on first use.
 */
export function openApiRoutes(app: Hono<AppEnv>, admin: OpenAPIHono<AppEnv>): void {
  const texts = new WeakMap<Config, string>()
  publicDocumentRoute(app, '/openapi.json', async (c) => {
    const { config, platform } = c.get('services')
    const body = texts.get(config) ?? JSON.stringify(openApiDocument(admin, config.issuer))
    texts.set(config, body)
    return { body, etag: `"${await platform.sha256(body)}"`, contentType: 'application/json', maxAgeSeconds: 300 }
  })
}

type OpenApiDocument = ReturnType<OpenAPIHono['getOpenAPI31Document']>
type PathItem = NonNullable<OpenApiDocument['paths']>[string]
type SecuritySchemes = NonNullable<NonNullable<OpenApiDocument['components']>['securitySchemes']>
type Operation = NonNullable<PathItem['get']>

function openApiDocument(admin: OpenAPIHono<AppEnv>, issuer: string): OpenApiDocument {
  const beside = describe(outsideTheAdminApi)
  const within = admin.getOpenAPI31Document(head(issuer))
  const adminPaths = Object.entries(within.paths ?? {}).map(([path, item]) => [
    `/v1${path}`,
    eachOperation(item, asAdminOperation(path)),
  ])
  return {
    ...within,
    tags: tags.map(([name, description]) => ({ name, description })),
    paths: { ...beside.paths, ...Object.fromEntries(adminPaths) },
    components: { securitySchemes, schemas: { ...beside.components?.schemas, ...within.components?.schemas } },
  }
}

function head(issuer: string) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Mintage',
      version: '1',
      summary: 'Exchange long-lived API keys for short-lived JWTs that can be revoked.',
      description:
        'Lists are paginated: send `?limit=&cursor=` and read `items` and `nextCursor`. Times are RFC 3339. Errors are problem documents (RFC 9457) with a stable `code`. The OAuth endpoints answer errors as in RFC 6749 §5.2. To avoid lost updates, send the ETag in `If-Match`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: issuer }],
    security: [{ bearer: [] }, { apiKey: [] }],
  }
}

const securitySchemes: SecuritySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key. For /v1 also an access token whose audience is the issuer',
  },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key' },
  client: {
    type: 'http',
    scheme: 'basic',
    description: 'RFC 6749 §2.3.1: the id of an API key, and the key as the password',
  },
}

const outsideTheAdminApi: readonly [tag: string, routes: readonly RouteConfig[]][] = [
  ['oauth', [exchangeRoute, introspectRoute, revokeRoute, ...authorizeDocuments]],
  ['public', [...wellKnownDocuments, revocationFeedRoute]],
  ['health', healthDocuments],
]

const tags: readonly [name: string, description: string][] = [
  ['oauth', 'Exchange, introspection and revocation, for services that hold an API key'],
  ['public', 'Documents for verifiers'],
  ['health', 'For load balancers'],
  ['me', 'The API key of the caller'],
  ['api-keys', 'API keys and their versions'],
  ['service-accounts', 'Programs that own API keys'],
  ['organizations', 'Customers: plan, limits and suspension'],
  ['plans', 'Limits of organizations'],
  ['members', 'Which service account or API key has which roles'],
  ['roles', 'Built-in and custom roles'],
  ['signing-keys', 'Active, next and previous signing keys'],
  ['verifiers', 'Who fetched the JWK Set, and who has the next signing key'],
  ['keks', 'Keys that seal the private signing keys'],
  ['revocations', 'Rules that revoke tokens'],
  ['audit-events', 'Who did what, including refused attempts, in a hash chain'],
  ['audit-checkpoints', 'Signed checkpoints of the audit trail'],
]

function describe(groups: typeof outsideTheAdminApi): OpenApiDocument {
  const described = new OpenAPIHono()
  for (const [tag, routes] of groups) {
    for (const route of routes) described.openAPIRegistry.registerPath({ ...route, tags: [tag] })
  }
  return described.getOpenAPI31Document({ openapi: '3.1.0', info: { title: '', version: '' } })
}

/** Read by http/idempotency.ts. */
const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header' as const,
  description:
    'Makes it safe to repeat the request for 24 hours. A repeat does nothing and gets the first response, without the secret',
  schema: { type: 'string' as const, minLength: 1, maxLength: 255 },
}

/** Adds what all admin operations share: the noun as tag, Idempotency-Key on POST, a problem as default answer. */
function asAdminOperation(path: string) {
  const tag = path.split('/')[1] ?? ''
  const anyProblem = {
    description: 'Any other error',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  }
  return (operation: Operation, method: string): Operation => ({
    tags: [tag],
    ...operation,
    ...(method === 'post' ? { parameters: [...(operation.parameters ?? []), idempotencyKey] } : {}),
    responses: { ...operation.responses, default: anyProblem },
  })
}

function eachOperation(item: PathItem, change: (operation: Operation, method: string) => Operation): PathItem {
  const methods = ['get', 'post', 'put', 'patch', 'delete'] as const
  const changed = methods.flatMap((method) => {
    const operation = item[method]
    return operation ? [[method, change(operation, method)]] : []
  })
  return { ...item, ...Object.fromEntries(changed) }
}
