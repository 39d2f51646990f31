import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { deleteServiceAccount, tryDeletingServiceAccount } from '../../service-accounts/delete.ts'
import {
  disableServiceAccount,
  enableServiceAccount,
  tryDisablingServiceAccount,
} from '../../service-accounts/disabling.ts'
import {
  createServiceAccount,
  listServiceAccounts,
  showServiceAccount,
  updateServiceAccount,
} from '../../service-accounts/operations.ts'
import type { AppEnv } from '../context.ts'
import { tagged } from '../etag.ts'
import { deletedOr, deletion } from './deletion.ts'
import { dryRun, dryRunOr, impact } from './impact.ts'
import { because } from './revocation-reason.ts'
import { adminRoute, bodyOrDefaults, jsonAnswer, pageAnswer } from './route.ts'
import { flag, instant, pageQuery, roleNames, text, word } from './schemas.ts'

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
    disabledBy: z.string().nullable().openapi({ description: 'Client id of the caller who disabled it' }),
    revision: z.int(),
  })
  .openapi('ServiceAccount')

const description = text(500, 0)

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
  disabled: flag,
})

const one = jsonAnswer('The service account; send its ETag in If-Match to change it', serviceAccount)

const createServiceAccountRoute = adminRoute('POST /service-accounts', 'createServiceAccount', {
  permission: 'service_accounts.create',
  summary: 'Create a service account, which can own API keys',
  body: newServiceAccount,
  answers: { 201: jsonAnswer('Created', serviceAccount) },
})

const listServiceAccountsRoute = adminRoute('GET /service-accounts', 'listServiceAccounts', {
  permission: 'service_accounts.read',
  summary: 'List service accounts, newest first',
  query: listQuery,
  answers: { 200: pageAnswer(serviceAccount) },
})

const showServiceAccountRoute = adminRoute('GET /service-accounts/{id}', 'showServiceAccount', {
  permission: 'service_accounts.read',
  summary: 'Show a service account',
  answers: { 200: one },
})

const updateServiceAccountRoute = adminRoute('PATCH /service-accounts/{id}', 'updateServiceAccount', {
  permission: 'service_accounts.update',
  summary: 'Change the name, description or roles of a service account',
  ifMatch: true,
  body: serviceAccountUpdate,
  answers: { 200: one },
})

const disableServiceAccountRoute = adminRoute('POST /service-accounts/{id}/disable', 'disableServiceAccount', {
  permission: 'service_accounts.disable',
  summary: 'Disable a service account: its keys get no new tokens, and their existing tokens are revoked',
  ifMatch: true,
  optionalBody: disabling,
  answers: dryRunOr('Disabled, or already disabled'),
})

const enableServiceAccountRoute = adminRoute('POST /service-accounts/{id}/enable', 'enableServiceAccount', {
  permission: 'service_accounts.disable',
  summary: 'Enable a disabled service account. Tokens issued before stay revoked',
  ifMatch: true,
  answers: { 204: { description: 'Enabled, or was not disabled' } },
})

const deleteServiceAccountRoute = adminRoute('DELETE /service-accounts/{id}', 'deleteServiceAccount', {
  permission: 'service_accounts.delete',
  summary: 'Delete a service account. Its keys and their tokens are revoked',
  ifMatch: true,
  query: deletion,
  answers: deletedOr(impact),
})

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
    const updated = await updateServiceAccount(c.var.services, c.var.principal, id, c.req.valid('json'))
    return c.json(updated, 200, tagged(updated))
  })

  app.openapi(disableServiceAccountRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { dryRun: tries, ...asked } = bodyOrDefaults(disabling, c.req.valid('json'))
    if (tries) return c.json(await tryDisablingServiceAccount(c.var.services, c.var.principal, id, asked), 200)
    await disableServiceAccount(c.var.services, c.var.principal, id, asked)
    return c.body(null, 204)
  })

  app.openapi(enableServiceAccountRoute, async (c) => {
    await enableServiceAccount(c.var.services, c.var.principal, c.req.valid('param').id)
    return c.body(null, 204)
  })

  app.openapi(deleteServiceAccountRoute, async (c) => {
    const { id } = c.req.valid('param')
    if (c.req.valid('query').dryRun)
      return c.json(await tryDeletingServiceAccount(c.var.services, c.var.principal, id), 200)
    await deleteServiceAccount(c.var.services, c.var.principal, id)
    return c.body(null, 204)
  })
}
