import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { createOrganization, listOrganizations, showOrganization } from '../../organizations/operations.ts'
import type { AppEnv } from '../context.ts'
import { idParam, instant, jsonAnswer, jsonBody, pageQuery, pageSchema, refusals, text } from './schemas.ts'

const organization = z
  .object({
    id: z.string().openapi({ example: 'org_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f' }),
    name: z.string(),
    plan: z.string(),
    suspendedAt: instant.nullable(),
    createdAt: instant,
  })
  .openapi('Organization')

const newOrganization = z
  .strictObject({ name: text(100), plan: z.enum(['free', 'pro', 'enterprise']).default('free') })
  .openapi('NewOrganization')

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
  request: { query: pageQuery },
  responses: { 200: jsonAnswer('One page', pageSchema(organization)), ...refusals },
})

const showOrganizationRoute = createRoute({
  method: 'get',
  path: '/organizations/{id}',
  operationId: 'showOrganization',
  summary: 'Show an organization',
  request: { params: idParam },
  responses: { 200: jsonAnswer('The organization', organization), ...refusals },
})

export function organizationRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(createOrganizationRoute, async (c) => {
    return c.json(await createOrganization(c.var.services, c.var.principal, c.req.valid('json')), 201)
  })

  app.openapi(listOrganizationsRoute, async (c) => {
    return c.json(await listOrganizations(c.var.services, c.var.principal, c.req.valid('query')), 200)
  })

  app.openapi(showOrganizationRoute, async (c) => {
    return c.json(await showOrganization(c.var.services, c.var.principal, c.req.valid('param').id), 200)
  })
}
