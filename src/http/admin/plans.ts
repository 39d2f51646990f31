import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { createPlan, deletePlan, listPlans, type PlanView, showPlan, updatePlan } from '../../plans/operations.ts'
import type { AppEnv } from '../context.ts'
import { etagOf, expectedRevision } from '../etag.ts'
import { limits } from './plan-limits.ts'
import { ifMatch, instant, jsonAnswer, jsonBody, outdated, refusals, word } from './schemas.ts'

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
const planUpdate = z.strictObject(limits).partial().openapi('PlanUpdate')

const nameParam = z.object({ name: word(40).openapi({ param: { name: 'name', in: 'path' } }) })
const one = jsonAnswer('The plan; send its ETag in If-Match to change it', plan)

const createPlanRoute = createRoute({
  method: 'post',
  path: '/plans',
  operationId: 'createPlan',
  summary: 'Create a custom plan',
  request: { body: jsonBody(newPlan) },
  responses: { 201: jsonAnswer('Created', plan), ...refusals },
})

const listPlansRoute = createRoute({
  method: 'get',
  path: '/plans',
  operationId: 'listPlans',
  summary: 'List the plans, built-in ones first; all on one page',
  responses: { 200: jsonAnswer('The plans', z.object({ items: z.array(plan), nextCursor: z.null() })), ...refusals },
})

const showPlanRoute = createRoute({
  method: 'get',
  path: '/plans/{name}',
  operationId: 'showPlan',
  summary: 'Show a plan',
  request: { params: nameParam },
  responses: { 200: one, ...refusals },
})

const updatePlanRoute = createRoute({
  method: 'patch',
  path: '/plans/{name}',
  operationId: 'updatePlan',
  summary: 'Change the limits of a custom plan, for all organizations on it',
  request: { params: nameParam, headers: ifMatch, body: jsonBody(planUpdate) },
  responses: { 200: one, ...refusals, ...outdated },
})

const deletePlanRoute = createRoute({
  method: 'delete',
  path: '/plans/{name}',
  operationId: 'deletePlan',
  summary: 'Delete a custom plan that no organization is on',
  request: { params: nameParam },
  responses: { 204: { description: 'Deleted' }, ...refusals },
})

const tagged = ({ revision }: PlanView) => ({ ETag: etagOf(revision) })

export function planRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(createPlanRoute, async (c) => {
    const created = await createPlan(c.var.services, c.var.principal, c.req.valid('json'))
    return c.json(created, 201, tagged(created))
  })

  app.openapi(listPlansRoute, async (c) => {
    return c.json({ items: await listPlans(c.var.services, c.var.principal), nextCursor: null }, 200)
  })

  app.openapi(showPlanRoute, async (c) => {
    const shown = await showPlan(c.var.services, c.var.principal, c.req.valid('param').name)
    return c.json(shown, 200, tagged(shown))
  })

  app.openapi(updatePlanRoute, async (c) => {
    const { name } = c.req.valid('param')
    const updated = await updatePlan(c.var.services, c.var.principal, name, c.req.valid('json'), expectedRevision(c))
    return c.json(updated, 200, tagged(updated))
  })

  app.openapi(deletePlanRoute, async (c) => {
    await deletePlan(c.var.services, c.var.principal, c.req.valid('param').name)
    return c.body(null, 204)
  })
}
