import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import {
  changeOrganizationPlan,
  changeOrganizationPolicy,
  createOrganization,
  listOrganizations,
  showOrganization,
  updateOrganization,
} from '../../organizations/operations.ts'
import { resumeOrganization, suspendOrganization, trySuspendingOrganization } from '../../organizations/suspension.ts'
import type { OrganizationView } from '../../organizations/view.ts'
import type { AppEnv } from '../context.ts'
import { etagOf, expectedRevision } from '../etag.ts'
import { dryRun, impact } from './impact.ts'
import { limits } from './plan-limits.ts'
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
  text,
  word,
} from './schemas.ts'

const organization = z
  .object({
    id: z.string().openapi({ example: 'org_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f' }),
    name: z.string(),
    slug: z.string().nullable().openapi({ example: 'acme' }),
    email: z.string().nullable(),
    plan: z.string(),
    limits: z.object(limits),
    maxKeyLifetimeSeconds: z.int().nullable(),
    suspendedAt: instant.nullable(),
    createdAt: instant,
    revision: z.int().openapi({ description: 'Increases with each change. The ETag contains it' }),
  })
  .openapi('Organization')

const email = z.email().max(254)
/** A minute to 68 years, the most that the column holds. */
const lifetime = z.int().min(60).max(2_145_916_800)

const newOrganization = z
  .strictObject({
    name: text(100),
    slug: word(40).optional().openapi({ description: 'If absent, derived from the name' }),
    email: email.optional(),
    plan: word(40).default('free'),
    maxKeyLifetimeSeconds: lifetime.optional(),
  })
  .openapi('NewOrganization')

const organizationUpdate = z
  .strictObject({ name: text(100).optional(), slug: word(40).optional(), email: email.nullable().optional() })
  .openapi('OrganizationUpdate')

const planChange = z.strictObject({ plan: word(40) }).openapi('OrganizationPlanChange')

const policyChange = z
  .strictObject({ maxKeyLifetimeSeconds: lifetime.nullable().openapi({ description: 'Null: keys may live forever' }) })
  .openapi('OrganizationPolicyChange')

const suspension = z.strictObject({ ...because, dryRun }).openapi('OrganizationSuspension')

const listQuery = pageQuery.extend({
  slug: word(40)
    .optional()
    .openapi({ param: { name: 'slug', in: 'query' } }),
  plan: word(40)
    .optional()
    .openapi({ param: { name: 'plan', in: 'query' } }),
  suspended: z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional()
    .openapi({ param: { name: 'suspended', in: 'query' }, type: 'boolean' }),
})

const one = jsonAnswer('The organization; send its ETag in If-Match to change it', organization)

const createOrganizationRoute = createRoute({
  method: 'post',
  path: '/organizations',
  operationId: 'createOrganization',
  summary: 'Create an organization',
  request: { body: jsonBody(newOrganization) },
  responses: { 201: jsonAnswer('Created', organization), ...refusals },
})

const listOrganizationsRoute = createRoute({
  method: 'get',
  path: '/organizations',
  operationId: 'listOrganizations',
  summary: 'List organizations, newest first',
  request: { query: listQuery },
  responses: { 200: jsonAnswer('One page', pageSchema(organization)), ...refusals },
})

const showOrganizationRoute = createRoute({
  method: 'get',
  path: '/organizations/{id}',
  operationId: 'showOrganization',
  summary: 'Show an organization',
  request: { params: idParam },
  responses: { 200: one, ...refusals },
})

const updateOrganizationRoute = createRoute({
  method: 'patch',
  path: '/organizations/{id}',
  operationId: 'updateOrganization',
  summary: 'Change the name, slug or email of an organization',
  request: { params: idParam, headers: ifMatch, body: jsonBody(organizationUpdate) },
  responses: { 200: one, ...refusals, ...outdated },
})

const changePlanRoute = createRoute({
  method: 'post',
  path: '/organizations/{id}/change-plan',
  operationId: 'changeOrganizationPlan',
  summary: 'Change the plan of an organization',
  request: { params: idParam, headers: ifMatch, body: jsonBody(planChange) },
  responses: { 200: one, ...refusals, ...outdated },
})

const changePolicyRoute = createRoute({
  method: 'post',
  path: '/organizations/{id}/change-policy',
  operationId: 'changeOrganizationPolicy',
  summary: 'Set how long API keys may live. Applies to keys created or changed from now on',
  request: { params: idParam, headers: ifMatch, body: jsonBody(policyChange) },
  responses: { 200: one, ...refusals, ...outdated },
})

const suspendOrganizationRoute = createRoute({
  method: 'post',
  path: '/organizations/{id}/suspend',
  operationId: 'suspendOrganization',
  summary: 'Suspend an organization: it gets no new tokens, and its existing tokens are revoked',
  request: { params: idParam, body: { ...jsonBody(suspension), required: false } },
  responses: {
    200: jsonAnswer('Dry run only: what would break', impact),
    204: { description: 'Suspended, or already suspended' },
    ...refusals,
  },
})

const resumeOrganizationRoute = createRoute({
  method: 'post',
  path: '/organizations/{id}/resume',
  operationId: 'resumeOrganization',
  summary: 'Resume a suspended organization. Tokens issued before stay revoked',
  request: { params: idParam },
  responses: { 204: { description: 'Resumed, or was not suspended' }, ...refusals },
})

const tagged = ({ revision }: OrganizationView) => ({ ETag: etagOf(revision) })

export function organizationRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(createOrganizationRoute, async (c) => {
    const created = await createOrganization(c.var.services, c.var.principal, c.req.valid('json'))
    return c.json(created, 201, tagged(created))
  })

  app.openapi(listOrganizationsRoute, async (c) => {
    return c.json(await listOrganizations(c.var.services, c.var.principal, c.req.valid('query')), 200)
  })

  app.openapi(showOrganizationRoute, async (c) => {
    const shown = await showOrganization(c.var.services, c.var.principal, c.req.valid('param').id)
    return c.json(shown, 200, tagged(shown))
  })

  app.openapi(updateOrganizationRoute, async (c) => {
    const { id } = c.req.valid('param')
    const updated = await updateOrganization(
      c.var.services,
      c.var.principal,
      id,
      c.req.valid('json'),
      expectedRevision(c),
    )
    return c.json(updated, 200, tagged(updated))
  })

  app.openapi(changePlanRoute, async (c) => {
    const { id } = c.req.valid('param')
    const changed = await changeOrganizationPlan(
      c.var.services,
      c.var.principal,
      id,
      c.req.valid('json').plan,
      expectedRevision(c),
    )
    return c.json(changed, 200, tagged(changed))
  })

  app.openapi(changePolicyRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { maxKeyLifetimeSeconds } = c.req.valid('json')
    const changed = await changeOrganizationPolicy(
      c.var.services,
      c.var.principal,
      id,
      maxKeyLifetimeSeconds,
      expectedRevision(c),
    )
    return c.json(changed, 200, tagged(changed))
  })

  app.openapi(suspendOrganizationRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { dryRun: tries, reason = 'other', text: words } = c.req.valid('json') // without a body there are no defaults
    if (tries) return c.json(await trySuspendingOrganization(c.var.services, c.var.principal, id), 200)
    await suspendOrganization(c.var.services, c.var.principal, id, { reason, text: words })
    return c.body(null, 204)
  })

  app.openapi(resumeOrganizationRoute, async (c) => {
    await resumeOrganization(c.var.services, c.var.principal, c.req.valid('param').id)
    return c.body(null, 204)
  })
}
