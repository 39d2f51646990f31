import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import {
  disableServiceAccount,
  enableServiceAccount,
  tryDisablingServiceAccount,
} from '../../service-accounts/disabling.ts'
import {
  createServiceAccount,
  deleteServiceAccount,
  listServiceAccounts,
  showServiceAccount,
  updateServiceAccount,
} from '../../service-accounts/operations.ts'
import type { ServiceAccountView } from '../../service-accounts/view.ts'
import type { AppEnv } from '../context.ts'
import { etagOf, expectedRevision } from '../etag.ts'
import { dryRun, impact } from './impact.ts'
import { because } from './revocation-reason.ts'
import {
  idParam,
  ifMatch,
  instant,
  jsonAnswer,
  jsonBody,
  outdated,
  pageQuery,
  pageSchema,
  refusals,
  roleNames,
  text,
  word,
} from './schemas.ts'

const serviceAccount = z
  .object({
    id: z.string().openapi({ example: 'svc_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f' }),
    organizationId: z.string(),
    name: z.string(),
    description: z.string(),
    roles: z.array(z.string()).openapi({ description: 'Its keys cannot have other roles' }),
    apiKeys: z.int().openapi({ description: 'Number of its keys that are not revoked' }),
    createdAt: instant,
    createdBy: z.string(),
    disabledAt: instant.nullable(),
    revision: z.int(),
  })
  .openapi('ServiceAccount')

const description = text(500).or(z.literal(''))

const newServiceAccount = z
  .strictObject({
    name: text(100),
    description: description.optional(),
    roles: roleNames.optional(),
    organizationId: word(128).optional().openapi({ description: 'If absent, your own' }),
  })
  .openapi('NewServiceAccount')

const serviceAccountUpdate = z
  .strictObject({ name: text(100).optional(), description: description.optional(), roles: roleNames.optional() })
  .openapi('ServiceAccountUpdate')

const disabling = z.strictObject({ ...because, dryRun }).openapi('ServiceAccountDisabling')

const listQuery = pageQuery.extend({
  organizationId: word(128)
    .optional()
    .openapi({ param: { name: 'organizationId', in: 'query' } }),
  disabled: z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional()
    .openapi({ param: { name: 'disabled', in: 'query' }, type: 'boolean' }),
})

const one = jsonAnswer('The service account; send its ETag in If-Match to change it', serviceAccount)

const createServiceAccountRoute = createRoute({
  method: 'post',
  path: '/service-accounts',
  operationId: 'createServiceAccount',
  summary: 'Create a service account, which can own API keys',
  request: { body: jsonBody(newServiceAccount) },
  responses: { 201: jsonAnswer('Created', serviceAccount), ...refusals },
})

const listServiceAccountsRoute = createRoute({
  method: 'get',
  path: '/service-accounts',
  operationId: 'listServiceAccounts',
  summary: 'List service accounts, newest first',
  request: { query: listQuery },
  responses: { 200: jsonAnswer('One page', pageSchema(serviceAccount)), ...refusals },
})

const showServiceAccountRoute = createRoute({
  method: 'get',
  path: '/service-accounts/{id}',
  operationId: 'showServiceAccount',
  summary: 'Show a service account',
  request: { params: idParam },
  responses: { 200: one, ...refusals },
})

const updateServiceAccountRoute = createRoute({
  method: 'patch',
  path: '/service-accounts/{id}',
  operationId: 'updateServiceAccount',
  summary: 'Change the name, description or roles of a service account',
  request: { params: idParam, headers: ifMatch, body: jsonBody(serviceAccountUpdate) },
  responses: { 200: one, ...refusals, ...outdated },
})

const disableServiceAccountRoute = createRoute({
  method: 'post',
  path: '/service-accounts/{id}/disable',
  operationId: 'disableServiceAccount',
  summary: 'Disable a service account: its keys get no new tokens, and their existing tokens are revoked',
  request: { params: idParam, body: { ...jsonBody(disabling), required: false } },
  responses: {
    200: jsonAnswer('Dry run only: what would break', impact),
    204: { description: 'Disabled, or already disabled' },
    ...refusals,
  },
})

const enableServiceAccountRoute = createRoute({
  method: 'post',
  path: '/service-accounts/{id}/enable',
  operationId: 'enableServiceAccount',
  summary: 'Enable a disabled service account. Tokens issued before stay revoked',
  request: { params: idParam },
  responses: { 204: { description: 'Enabled, or was not disabled' }, ...refusals },
})

const deleteServiceAccountRoute = createRoute({
  method: 'delete',
  path: '/service-accounts/{id}',
  operationId: 'deleteServiceAccount',
  summary: 'Delete a service account whose keys are all revoked',
  request: { params: idParam },
  responses: { 204: { description: 'Deleted' }, ...refusals },
})

const tagged = ({ revision }: ServiceAccountView) => ({ ETag: etagOf(revision) })

export function serviceAccountRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(createServiceAccountRoute, async (c) => {
    const created = await createServiceAccount(c.var.services, c.var.principal, c.req.valid('json'))
    return c.json(created, 201, tagged(created))
  })

  app.openapi(listServiceAccountsRoute, async (c) => {
    return c.json(await listServiceAccounts(c.var.services, c.var.principal, c.req.valid('query')), 200)
  })

  app.openapi(showServiceAccountRoute, async (c) => {
    const shown = await showServiceAccount(c.var.services, c.var.principal, c.req.valid('param').id)
    return c.json(shown, 200, tagged(shown))
  })

  app.openapi(updateServiceAccountRoute, async (c) => {
    const { id } = c.req.valid('param')
    const updated = await updateServiceAccount(
      c.var.services,
      c.var.principal,
      id,
      c.req.valid('json'),
      expectedRevision(c),
    )
    return c.json(updated, 200, tagged(updated))
  })

  app.openapi(disableServiceAccountRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { dryRun: tries, reason = 'other', text: words } = c.req.valid('json') // without a body there are no defaults
    if (tries) return c.json(await tryDisablingServiceAccount(c.var.services, c.var.principal, id), 200)
    await disableServiceAccount(c.var.services, c.var.principal, id, { reason, text: words })
    return c.body(null, 204)
  })

  app.openapi(enableServiceAccountRoute, async (c) => {
    await enableServiceAccount(c.var.services, c.var.principal, c.req.valid('param').id)
    return c.body(null, 204)
  })

  app.openapi(deleteServiceAccountRoute, async (c) => {
    await deleteServiceAccount(c.var.services, c.var.principal, c.req.valid('param').id)
    return c.body(null, 204)
  })
}
