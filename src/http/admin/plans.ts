import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { createPlan, deletePlan, listPlans, showPlan, updatePlan } from '../../plans/operations.ts'
import type { AppEnv } from '../context.ts'
import { tagged } from '../etag.ts'
import { dryRun } from './impact.ts'
import { limits } from './plan-limits.ts'
import { adminRoute, jsonAnswer, onePage, onePageAnswer } from './route.ts'
import { instant, word } from './schemas.ts'

const plan = z
  .object({
    name: z.string().openapi({ example: 'pro' }),
    builtIn: z.boolean(),
    ...limits,
    createdAt: instant.nullable(),
    revision: z.int(),
  })
  .openapi('Plan')

const newPlan = z.strictObject({ name: word(40), ...limits }).openapi('NewPlan')
const planUpdate = z.strictObject(limits).partial().extend({ dryRun }).openapi('PlanUpdate')

const changedLimits = plan
  .extend({
    dryRun: z.boolean(),
    noLongerFits: z.object({
      organizations: z.int().openapi({ description: 'Organizations that have more API keys than the plan allows' }),
      apiKeys: z.int().openapi({ description: 'API keys above the limit. They keep working' }),
    }),
  })
  .openapi('ChangedPlanLimits')

const nameParam = z.object({ name: word(40).openapi({ param: { name: 'name', in: 'path' } }) })
const one = jsonAnswer('The plan; send its ETag in If-Match to change it', plan)

const createPlanRoute = adminRoute('POST /plans', 'createPlan', {
  permission: 'plans.change',
  summary: 'Create a custom plan',
  body: newPlan,
  answers: { 201: jsonAnswer('Created', plan) },
})

const listPlansRoute = adminRoute('GET /plans', 'listPlans', {
  permission: 'plans.read',
  summary: 'List the plans, built-in ones first; all on one page',
  answers: { 200: onePageAnswer('The plans', plan) },
})

const showPlanRoute = adminRoute('GET /plans/{name}', 'showPlan', {
  permission: 'plans.read',
  summary: 'Show a plan',
  params: nameParam,
  answers: { 200: one },
})

const updatePlanRoute = adminRoute('PATCH /plans/{name}', 'updatePlan', {
  permission: 'plans.change',
  summary: 'Change the limits of a custom plan, for all organizations on it',
  params: nameParam,
  ifMatch: true,
  body: planUpdate,
  answers: { 200: jsonAnswer('The plan and what no longer fits. In a dry run nothing is changed', changedLimits) },
})

const deletePlanRoute = adminRoute('DELETE /plans/{name}', 'deletePlan', {
  permission: 'plans.change',
  summary: 'Delete a custom plan that no organization is on',
  ifMatch: true,
  params: nameParam,
  answers: { 204: { description: 'Deleted' } },
})

export function planRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(createPlanRoute, async (c) => {
    const created = await createPlan(c.var.services, c.var.principal, c.req.valid('json'))
    return c.json(created, 201, tagged(created))
  })

  app.openapi(listPlansRoute, async (c) => {
    return c.json(onePage(await listPlans(c.var.services, c.var.principal)), 200)
  })

  app.openapi(showPlanRoute, async (c) => {
    const shown = await showPlan(c.var.services, c.var.principal, c.req.valid('param').name)
    return c.json(shown, 200, tagged(shown))
  })

  app.openapi(updatePlanRoute, async (c) => {
    const { name } = c.req.valid('param')
    const updated = await updatePlan(c.var.services, c.var.principal, name, c.req.valid('json'))
    return c.json(updated, 200, updated.dryRun ? {} : tagged(updated))
  })

  app.openapi(deletePlanRoute, async (c) => {
    await deletePlan(c.var.services, c.var.principal, c.req.valid('param').name)
    return c.body(null, 204)
  })
}
