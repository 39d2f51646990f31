import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { createRole, deleteRole, listRoles, showRole, updateRole } from '../../roles/operations.ts'
import type { AppEnv } from '../context.ts'
import { tagged } from '../etag.ts'
import { adminRoute, jsonAnswer, onePage, onePageAnswer } from './route.ts'
import { instant, word } from './schemas.ts'

const permissions = z.array(word(100)).max(200)

const role = z
  .object({
    name: z.string().openapi({ example: 'key_reader' }),
    builtIn: z.boolean(),
    permissions: permissions.openapi({
      description: 'Each has the form permission:reach',
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

const createRoleRoute = adminRoute('POST /roles', 'createRole', {
  permission: 'roles.change',
  summary: 'Create a role from permissions that you have',
  body: newRole,
  answers: { 201: jsonAnswer('Created', role) },
})

const listRolesRoute = adminRoute('GET /roles', 'listRoles', {
  permission: 'roles.read',
  summary: 'List the roles, built-in ones first; all on one page',
  query: organizationQuery,
  answers: { 200: onePageAnswer('The roles', role) },
})

const showRoleRoute = adminRoute('GET /roles/{name}', 'showRole', {
  permission: 'roles.read',
  summary: 'Show a role',
  params: nameParam,
  query: organizationQuery,
  answers: { 200: one },
})

const updateRoleRoute = adminRoute('PATCH /roles/{name}', 'updateRole', {
  permission: 'roles.change',
  summary: 'Replace the permissions of a role',
  params: nameParam,
  query: organizationQuery,
  ifMatch: true,
  body: roleUpdate,
  answers: { 200: one },
})

const deleteRoleRoute = adminRoute('DELETE /roles/{name}', 'deleteRole', {
  permission: 'roles.change',
  summary: 'Delete a role that no member has',
  ifMatch: true,
  params: nameParam,
  query: organizationQuery,
  answers: { 204: { description: 'Deleted' } },
})

export function roleRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(createRoleRoute, async (c) => {
    const created = await createRole(c.var.services, c.var.principal, c.req.valid('json'))
    return c.json(created, 201, tagged(created))
  })

  app.openapi(listRolesRoute, async (c) => {
    return c.json(onePage(await listRoles(c.var.services, c.var.principal, c.req.valid('query'))), 200)
  })

  app.openapi(showRoleRoute, async (c) => {
    const shown = await showRole(c.var.services, c.var.principal, c.req.valid('param').name, c.req.valid('query'))
    return c.json(shown, 200, tagged(shown))
  })

  app.openapi(updateRoleRoute, async (c) => {
    const change = { ...c.req.valid('query'), ...c.req.valid('json') }
    const updated = await updateRole(c.var.services, c.var.principal, c.req.valid('param').name, change)
    return c.json(updated, 200, tagged(updated))
  })

  app.openapi(deleteRoleRoute, async (c) => {
    await deleteRole(c.var.services, c.var.principal, c.req.valid('param').name, c.req.valid('query'))
    return c.body(null, 204)
  })
}
