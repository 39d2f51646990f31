import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { createRole, deleteRole, listRoles, type RoleView, showRole, updateRole } from '../../roles/operations.ts'
import type { AppEnv } from '../context.ts'
import { etagOf, expectedRevision } from '../etag.ts'
import { ifMatch, instant, jsonAnswer, jsonBody, outdated, refusals, word } from './schemas.ts'

const permissions = z.array(word(100)).max(200)

const role = z
  .object({
    name: z.string().openapi({ example: 'key_reader' }),
    builtIn: z.boolean(),
    permissions: permissions.openapi({
      description: 'Each is permission:reach',
      example: ['api_keys.read:organization'],
    }),
    organizationId: z.string().nullable(),
    createdAt: instant.nullable(),
    revision: z.int(),
  })
  .openapi('Role')

const newRole = z
  .strictObject({
    name: word(50),
    permissions: permissions.openapi({ example: ['api_keys.read:organization', 'api_keys.rotate:own'] }),
    organizationId: word(128).optional().openapi({ description: 'If absent, your own' }),
  })
  .openapi('NewRole')

const roleUpdate = z.strictObject({ permissions }).openapi('RoleUpdate')

const nameParam = z.object({ name: word(50).openapi({ param: { name: 'name', in: 'path' } }) })
const organizationQuery = z.strictObject({
  organizationId: word(128)
    .optional()
    .openapi({
      param: { name: 'organizationId', in: 'query' },
      description: 'Organization of the role. If absent, your own',
    }),
})
const one = jsonAnswer('The role; send its ETag in If-Match to change it', role)

const createRoleRoute = createRoute({
  method: 'post',
  path: '/roles',
  operationId: 'createRole',
  summary: 'Create a role from permissions that you have',
  request: { body: jsonBody(newRole) },
  responses: { 201: jsonAnswer('Created', role), ...refusals },
})

const listRolesRoute = createRoute({
  method: 'get',
  path: '/roles',
  operationId: 'listRoles',
  summary: 'List the roles, built-in ones first; all on one page',
  request: { query: organizationQuery },
  responses: { 200: jsonAnswer('The roles', z.object({ items: z.array(role), nextCursor: z.null() })), ...refusals },
})

const showRoleRoute = createRoute({
  method: 'get',
  path: '/roles/{name}',
  operationId: 'showRole',
  summary: 'Show a role',
  request: { params: nameParam, query: organizationQuery },
  responses: { 200: one, ...refusals },
})

const updateRoleRoute = createRoute({
  method: 'patch',
  path: '/roles/{name}',
  operationId: 'updateRole',
  summary: 'Replace the permissions of a role',
  request: { params: nameParam, query: organizationQuery, headers: ifMatch, body: jsonBody(roleUpdate) },
  responses: { 200: one, ...refusals, ...outdated },
})

const deleteRoleRoute = createRoute({
  method: 'delete',
  path: '/roles/{name}',
  operationId: 'deleteRole',
  summary: 'Delete a role that no member has',
  request: { params: nameParam, query: organizationQuery },
  responses: { 204: { description: 'Deleted' }, ...refusals },
})

const tagged = ({ revision }: RoleView) => ({ ETag: etagOf(revision) })

export function roleRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(createRoleRoute, async (c) => {
    const created = await createRole(c.var.services, c.var.principal, c.req.valid('json'))
    return c.json(created, 201, tagged(created))
  })

  app.openapi(listRolesRoute, async (c) => {
    return c.json(
      { items: await listRoles(c.var.services, c.var.principal, c.req.valid('query')), nextCursor: null },
      200,
    )
  })

  app.openapi(showRoleRoute, async (c) => {
    const shown = await showRole(c.var.services, c.var.principal, c.req.valid('param').name, c.req.valid('query'))
    return c.json(shown, 200, tagged(shown))
  })

  app.openapi(updateRoleRoute, async (c) => {
    const change = { ...c.req.valid('query'), ...c.req.valid('json') }
    const updated = await updateRole(
      c.var.services,
      c.var.principal,
      c.req.valid('param').name,
      change,
      expectedRevision(c),
    )
    return c.json(updated, 200, tagged(updated))
  })

  app.openapi(deleteRoleRoute, async (c) => {
    await deleteRole(c.var.services, c.var.principal, c.req.valid('param').name, c.req.valid('query'))
    return c.body(null, 204)
  })
}
