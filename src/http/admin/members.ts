import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { assignRoles, listMembers, showMember } from '../../members/operations.ts'
import type { AppEnv } from '../context.ts'
import { tagged } from '../etag.ts'
import { adminRoute, jsonAnswer, pageAnswer } from './route.ts'
import { instant, pageQuery, roleNames, word } from './schemas.ts'

const member = z
  .object({
    id: z.string().openapi({ example: 'svc_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f' }),
    kind: z.enum(['service_account', 'api_key']),
    organizationId: z.string(),
    name: z.string(),
    roles: z.array(z.string()),
    serviceAccountId: z
      .string()
      .nullable()
      .openapi({ description: 'Service account that owns the key. The key has no roles beyond those of the account' }),
    expiresAt: instant.nullable(),
    disabledAt: instant.nullable(),
    createdAt: instant,
    revision: z.int(),
  })
  .openapi('Member')

const roleAssignment = z.strictObject({ roles: roleNames }).openapi('RoleAssignment')

const listQuery = pageQuery.extend({
  organizationId: word(128)
    .optional()
    .openapi({ param: { name: 'organizationId', in: 'query' } }),
})

const one = jsonAnswer('The member; send its ETag in If-Match to change it', member)

const listMembersRoute = adminRoute('GET /members', 'listMembers', {
  permission: 'members.read',
  summary: 'List members, who have roles: service accounts, then API keys, each newest first',
  query: listQuery,
  answers: { 200: pageAnswer(member) },
})

const showMemberRoute = adminRoute('GET /members/{id}', 'showMember', {
  permission: 'members.read',
  summary: 'Show a member: a service account or an API key that is not revoked',
  answers: { 200: one },
})

const assignRolesRoute = adminRoute('POST /members/{id}/assign-roles', 'assignRoles', {
  permission: 'members.assign_roles',
  summary: 'Replace the roles of a member',
  ifMatch: true,
  body: roleAssignment,
  answers: { 200: one },
})

export function memberRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(listMembersRoute, async (c) => {
    return c.json(await listMembers(c.var.services, c.var.principal, c.req.valid('query')), 200)
  })

  app.openapi(showMemberRoute, async (c) => {
    const shown = await showMember(c.var.services, c.var.principal, c.req.valid('param').id)
    return c.json(shown, 200, tagged(shown))
  })

  app.openapi(assignRolesRoute, async (c) => {
    const { id } = c.req.valid('param')
    const assigned = await assignRoles(c.var.services, c.var.principal, id, c.req.valid('json').roles)
    return c.json(assigned, 200, tagged(assigned))
  })
}
