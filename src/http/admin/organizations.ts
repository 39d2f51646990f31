import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { deleteOrganization, tryDeletingOrganization } from '../../organization-deletion/delete.ts'
import { changeOrganizationPlan, changeOrganizationPolicy } from '../../organizations/change-limits.ts'
import {
  createOrganization,
  listOrganizations,
  showOrganization,
  updateOrganization,
} from '../../organizations/operations.ts'
import { resumeOrganization, suspendOrganization, trySuspendingOrganization } from '../../organizations/suspension.ts'
import type { AppEnv } from '../context.ts'
import { tagged } from '../etag.ts'
import { deletedOr, forcedDeletion } from './deletion.ts'
import { dryRun, dryRunOr, impact } from './impact.ts'
import { limits } from './plan-limits.ts'
import { because } from './revocation-reason.ts'
import { adminRoute, bodyOrDefaults, jsonAnswer, pageAnswer } from './route.ts'
import { flag, instant, pageQuery, text, word } from './schemas.ts'

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
    suspendedBy: z.string().nullable().openapi({ description: 'Client id of the caller who suspended it' }),
    createdAt: instant,
    revision: z.int().openapi({ description: 'Increases with each change. The ETag contains it' }),
  })
  .openapi('Organization')

const email = z.email().max(254)
/** From one minute to 68 years, the maximum of the column. */
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

const planChange = z.strictObject({ plan: word(40), dryRun }).openapi('OrganizationPlanChange')

const policyChange = z
  .strictObject({
    maxKeyLifetimeSeconds: lifetime.nullable().openapi({ description: 'Null: keys may live forever' }),
    dryRun,
  })
  .openapi('OrganizationPolicyChange')

const count = (description: string) => z.int().openapi({ description })

const changedPlan = organization
  .extend({
    dryRun: z.boolean(),
    noLongerFits: z.object({
      apiKeys: count('API keys beyond the number of the plan. They keep working, but no new one can be created'),
      overlaps: count('Previous versions whose overlap is longer than the plan allows. They keep working'),
    }),
  })
  .openapi('ChangedPlan')

const changedPolicy = organization
  .extend({
    dryRun: z.boolean(),
    noLongerFits: z.object({
      withoutEnd: count('API keys that never expire. They keep working, and can be narrowed and rotated'),
      endingLater: count(
        'API keys that expire later than the policy allows. They keep working, and can be narrowed and rotated',
      ),
    }),
  })
  .openapi('ChangedPolicy')

const suspension = z.strictObject({ ...because, dryRun }).openapi('OrganizationSuspension')

const deletion = forcedDeletion('Delete the organization although it has API keys that are neither revoked nor expired')

const deletionImpact = impact
  .extend({
    serviceAccounts: count('Service accounts that would be deleted too'),
    roles: count('Custom roles that would be deleted too'),
  })
  .openapi('OrganizationDeletionImpact')

const listQuery = pageQuery.extend({
  slug: word(40)
    .optional()
    .openapi({ param: { name: 'slug', in: 'query' } }),
  plan: word(40)
    .optional()
    .openapi({ param: { name: 'plan', in: 'query' } }),
  suspended: flag,
})

const one = jsonAnswer('The organization; send its ETag in If-Match to change it', organization)

const createOrganizationRoute = adminRoute('POST /organizations', 'createOrganization', {
  permission: 'organizations.create',
  summary: 'Create an organization',
  body: newOrganization,
  answers: { 201: jsonAnswer('Created', organization) },
})

const listOrganizationsRoute = adminRoute('GET /organizations', 'listOrganizations', {
  permission: 'organizations.read',
  summary: 'List organizations, newest first',
  query: listQuery,
  answers: { 200: pageAnswer(organization) },
})

const showOrganizationRoute = adminRoute('GET /organizations/{id}', 'showOrganization', {
  permission: 'organizations.read',
  summary: 'Show an organization',
  answers: { 200: one },
})

const updateOrganizationRoute = adminRoute('PATCH /organizations/{id}', 'updateOrganization', {
  permission: 'organizations.update',
  summary: 'Change the name, slug or email of an organization',
  ifMatch: true,
  body: organizationUpdate,
  answers: { 200: one },
})

const changePlanRoute = adminRoute('POST /organizations/{id}/change-plan', 'changeOrganizationPlan', {
  permission: 'organizations.change_plan',
  summary: 'Change the plan of an organization',
  ifMatch: true,
  body: planChange,
  answers: {
    200: jsonAnswer('The organization and what no longer fits. In a dry run nothing is changed', changedPlan),
  },
})

const changePolicyRoute = adminRoute('POST /organizations/{id}/change-policy', 'changeOrganizationPolicy', {
  permission: 'organizations.change_policy',
  summary: 'Set how long API keys may live. Applies to keys that are created, widened or extended after this',
  ifMatch: true,
  body: policyChange,
  answers: {
    200: jsonAnswer('The organization and the keys that live longer. In a dry run nothing is changed', changedPolicy),
  },
})

const suspendOrganizationRoute = adminRoute('POST /organizations/{id}/suspend', 'suspendOrganization', {
  permission: 'organizations.suspend',
  summary: 'Suspend an organization: it gets no new tokens, and its existing tokens are revoked',
  ifMatch: true,
  optionalBody: suspension,
  answers: dryRunOr('Suspended, or already suspended'),
})

const resumeOrganizationRoute = adminRoute('POST /organizations/{id}/resume', 'resumeOrganization', {
  permission: 'organizations.suspend',
  summary: 'Resume a suspended organization. Tokens issued before stay revoked',
  ifMatch: true,
  answers: { 204: { description: 'Resumed, or was not suspended' } },
})

const deleteOrganizationRoute = adminRoute('DELETE /organizations/{id}', 'deleteOrganization', {
  permission: 'organizations.delete',
  summary: 'Delete an organization with its keys, service accounts and roles. All its tokens are revoked',
  ifMatch: true,
  query: deletion,
  answers: deletedOr(deletionImpact),
})

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
    const updated = await updateOrganization(c.var.services, c.var.principal, id, c.req.valid('json'))
    return c.json(updated, 200, tagged(updated))
  })

  app.openapi(changePlanRoute, async (c) => {
    const { id } = c.req.valid('param')
    const changed = await changeOrganizationPlan(c.var.services, c.var.principal, id, c.req.valid('json'))
    return c.json(changed, 200, changed.dryRun ? {} : tagged(changed))
  })

  app.openapi(changePolicyRoute, async (c) => {
    const { id } = c.req.valid('param')
    const changed = await changeOrganizationPolicy(c.var.services, c.var.principal, id, c.req.valid('json'))
    return c.json(changed, 200, changed.dryRun ? {} : tagged(changed))
  })

  app.openapi(suspendOrganizationRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { dryRun: tries, ...asked } = bodyOrDefaults(suspension, c.req.valid('json'))
    if (tries) return c.json(await trySuspendingOrganization(c.var.services, c.var.principal, id, asked), 200)
    await suspendOrganization(c.var.services, c.var.principal, id, asked)
    return c.body(null, 204)
  })

  app.openapi(resumeOrganizationRoute, async (c) => {
    await resumeOrganization(c.var.services, c.var.principal, c.req.valid('param').id)
    return c.body(null, 204)
  })

  app.openapi(deleteOrganizationRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { dryRun: tries, ...asked } = c.req.valid('query')
    if (tries) return c.json(await tryDeletingOrganization(c.var.services, c.var.principal, id), 200)
    await deleteOrganization(c.var.services, c.var.principal, id, asked)
    return c.body(null, 204)
  })
}
