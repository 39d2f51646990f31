import { expect, test } from 'vitest'
import { type AdminAnswer, type AdminCall, adminClient } from '../support/admin-client.ts'
import { type AdminRequest, adminRequests, pathOf } from '../support/admin-requests.ts'
import { type ApiOperation, readApiDocument } from '../support/api-document.ts'
import { databaseKinds } from '../support/databases.ts'
import { createTenant } from '../support/tenant.ts'
import { startTestService } from '../support/test-service.ts'

/** A custom role of an organization. */
const custom = {
  name: 'night_watch',
  permissions: [
    'api_keys.rotate:own',
    'api_keys.read:organization',
    'audit_events.read:organization',
    'service_accounts.disable:organization',
  ],
}

const columns = ['root', 'admin', 'developer', 'write_agent', 'ci_service', 'read_only', 'custom', 'no role'] as const

/**
 * Who may do what, as docs/access.md promises it. Written by hand and computed from nothing: `all` everywhere, `org` in
 * the whole organization, `own` for what the caller created, `-` nowhere. `any` is what a key may do with itself, `else`
 * what it may do in every organization but its own.
 */
const table: Readonly<Record<string, string>> = {
  //                        root  admin developer write_agent ci_service read_only custom none
  showCaller: '              any   any   any       any         any        any       any    any',
  rotateCaller: '            any   any   any       any         any        any       any    any',
  cancelRotationOfCaller: '  any   any   any       any         any        any       any    any',
  revokeCaller: '            any   any   any       any         any        any       any    any',

  createOrganization: '      all   -     -         -           -          -         -      -',
  listOrganizations: '       all   org   org       org         -          org       -      -',
  showOrganization: '        all   org   org       org         -          org       -      -',
  updateOrganization: '      all   org   -         -           -          -         -      -',
  changeOrganizationPlan: '  all   -     -         -           -          -         -      -',
  changeOrganizationPolicy: 'all   org   -         -           -          -         -      -',
  suspendOrganization: '     all   -     -         -           -          -         -      -',
  resumeOrganization: '      all   -     -         -           -          -         -      -',
  deleteOrganization: '      else  -     -         -           -          -         -      -',
  revokeAllApiKeys: '        all   org   -         -           -          -         -      -',

  createPlan: '              all   -     -         -           -          -         -      -',
  listPlans: '               all   -     -         -           -          -         -      -',
  showPlan: '                all   -     -         -           -          -         -      -',
  updatePlan: '              all   -     -         -           -          -         -      -',
  deletePlan: '              all   -     -         -           -          -         -      -',

  createServiceAccount: '    all   org   -         -           -          -         -      -',
  listServiceAccounts: '     all   org   own       org         own        org       -      -',
  showServiceAccount: '      all   org   own       org         own        org       -      -',
  updateServiceAccount: '    all   org   -         -           -          -         -      -',
  deleteServiceAccount: '    all   org   -         -           -          -         -      -',
  disableServiceAccount: '   all   org   -         -           -          -         org    -',
  enableServiceAccount: '    all   org   -         -           -          -         org    -',

  createRole: '              all   org   -         -           -          -         -      -',
  listRoles: '               all   org   org       -           -          org       -      -',
  showRole: '                all   org   org       -           -          org       -      -',
  updateRole: '              all   org   -         -           -          -         -      -',
  deleteRole: '              all   org   -         -           -          -         -      -',

  listMembers: '             all   org   -         -           -          org       -      -',
  showMember: '              all   org   -         -           -          org       -      -',
  assignRoles: '             all   org   -         -           -          -         -      -',

  createApiKey: '            all   org   org       org         -          -         -      -',
  listApiKeys: '             all   org   own       org         own        org       org    -',
  showApiKey: '              all   org   own       org         own        org       org    -',
  updateApiKey: '            all   org   own       org         -          -         -      -',
  rotateApiKey: '            all   org   own       own         own        -         own    -',
  cancelRotation: '          all   org   own       own         own        -         own    -',
  listApiKeyVersions: '      all   org   own       org         own        org       org    -',
  endApiKeyVersion: '        all   org   own       own         own        -         own    -',
  disableApiKey: '           all   org   own       own         -          -         -      -',
  enableApiKey: '            all   org   own       own         -          -         -      -',
  expireApiKey: '            all   org   own       own         own        -         -      -',
  revokeApiKey: '            all   org   own       own         own        -         -      -',
  revokeApiKeys: '           all   org   own       own         own        -         -      -',
  findLeakedApiKey: '        all   org   own       org         own        org       org    -',
  deleteApiKey: '            all   org   own       own         -          -         -      -',
  importApiKeys: '           all   org   -         -           -          -         -      -',

  createRevocation: '        all   org   -         -           -          -         -      -',
  listRevocations: '         all   org   -         -           -          org       -      -',
  liftRevocation: '          all   -     -         -           -          -         -      -',

  listSigningKeys: '         all   -     -         -           -          -         -      -',
  showSigningKey: '          all   -     -         -           -          -         -      -',
  rotateSigningKey: '        all   -     -         -           -          -         -      -',
  activateSigningKey: '      all   -     -         -           -          -         -      -',
  rollbackSigningKey: '      all   -     -         -           -          -         -      -',
  replaceSigningKey: '       all   -     -         -           -          -         -      -',
  importSigningKey: '        all   -     -         -           -          -         -      -',
  addSigningKey: '           all   -     -         -           -          -         -      -',
  listVerifiers: '           all   -     -         -           -          -         -      -',
  kekStatus: '               all   -     -         -           -          -         -      -',
  rewrapEnvelopes: '         all   -     -         -           -          -         -      -',

  listAuditEvents: '         all   org   own       -           -          org       org    -',
  exportAuditEvents: '       all   org   own       -           -          org       org    -',
  createAuditCheckpoint: '   all   -     -         -           -          -         -      -',
}

// Thousands of requests: if PostgreSQL is installed, a request costs half as much there.
const service = await startTestService(databaseKinds.at(-1))
const { operations } = await readApiDocument(service)
const root = adminClient(service, service.rootKey)

test('every route is in the table, and the table has no other rows', () => {
  expect(Object.keys(table).sort()).toEqual(operations.map(({ operationId }) => operationId).sort())
  for (const [operation, row] of Object.entries(table))
    expect(row.trim().split(/\s+/), operation).toHaveLength(columns.length)
})

test.each(operations)('$name is allowed to the roles in the table, and only within their reach', async (operation) => {
  const row = table[operation.operationId]?.trim().split(/\s+/) ?? []
  const cells = columns.map((column, index) => () => checkCell(operation, column, row[index]))
  if (isOfTheService(operation)) for (const check of cells) await check()
  else await Promise.all(cells.map((check) => check()))
})

/** Each cell uses two new organizations, so an allowed request really succeeds whatever the other cells do. */
async function checkCell(operation: ApiOperation, column: (typeof columns)[number], reach: string | undefined) {
  const home = await service.createOrganization()
  const rotated = operation.operationId === 'cancelRotationOfCaller'
  const { id, call } = await member(home, column, rotated)
  for (const where of placesToTry(operation, reach)) {
    const tenant =
      where === 'elsewhere'
        ? await createTenant(service, await service.createOrganization())
        : await createTenant(service, home, where === 'own' ? id : 'key_colleague')
    const request = await requestIn(tenant, operation)
    const answer = await call(operation.method, pathOf(operation.path, request), request.body)
    const outcome = judge(answer, request)
    expect(`${column}, ${where}: ${outcome}`, answer.text).toBe(`${column}, ${where}: ${expected(reach, where)}`)
  }
}

/**
 * A caller that suspends or revokes itself gets no further answer, so `own` comes last. What is forbidden is also
 * forbidden for its own objects.
 */
function placesToTry(operation: ApiOperation, reach: string | undefined) {
  if (reach === 'else') return ['elsewhere'] as const
  const hasNoElsewhere = reach === '-' || reach === 'any' || isOfTheService(operation)
  return hasNoElsewhere ? (['own'] as const) : (['elsewhere', 'organization', 'own'] as const)
}

/** Plans, signing keys and the like belong to no organization, so there is nothing foreign to try. */
function isOfTheService({ path, operationId }: ApiOperation): boolean {
  return (
    /^\/v1\/(?:plans|signing-keys|verifiers|keks|audit-checkpoints)/.test(path) || operationId === 'createOrganization'
  )
}

async function member(
  organizationId: string,
  column: (typeof columns)[number],
  rotated: boolean,
): Promise<{ id: string; call: AdminCall }> {
  if (column === 'custom') await root('POST', '/v1/roles', { ...custom, organizationId })
  const roles = column === 'no role' ? [] : [column === 'custom' ? custom.name : column]
  const expiresAt = new Date(service.clock.now().getTime() + 86_400_000)
  const { id, secret } = await service.createKey({
    organizationId,
    roles,
    rotated,
    ...(column === 'ci_service' ? { expiresAt } : {}),
  })
  // No caller may be the last administrator and revoke itself.
  if (column === 'admin') await service.createKey({ organizationId, roles })
  return { id, call: adminClient(service, secret) }
}

async function requestIn(
  tenant: Parameters<(typeof adminRequests)[string]>[0],
  { operationId }: ApiOperation,
): Promise<AdminRequest> {
  const request = adminRequests[operationId]
  if (!request) throw new Error(`${operationId} needs an example in support/admin-requests.ts`)
  return await request(tenant)
}

type Outcome = 'done' | 'not there' | 'forbidden' | `answered ${number}`

function judge({ status, text, body }: AdminAnswer, { shows }: AdminRequest): Outcome {
  if (status >= 200 && status < 300) return shows === undefined || text.includes(shows) ? 'done' : 'not there'
  if (status === 404 && body.code === 'not_found') return 'not there'
  return status === 403 && body.code === 'permission_denied' ? 'forbidden' : `answered ${status}`
}

function expected(reach: string | undefined, where: string): Outcome {
  if (reach === '-') return 'forbidden'
  const reached = {
    all: ['elsewhere', 'organization', 'own'],
    any: ['own'],
    else: ['elsewhere'],
    org: ['organization', 'own'],
    own: ['own'],
  }[reach ?? '']
  return reached?.includes(where) ? 'done' : 'not there'
}
