import { randomBytes, randomUUID } from 'node:crypto'
import { generateKeyPair } from '../../src/signing-keys/key-pair.ts'
import type { Tenant } from './tenant.ts'

/** A request that the service accepts from a caller with the permission. */
export type AdminRequest = {
  params?: Record<string, string>
  query?: Record<string, string>
  body?: Record<string, unknown>
  /** Text that the answer contains if, and only if, the caller can reach the tenant. */
  shows?: string
}

const planLimits = {
  requestsPerMinute: 5,
  requestsPerMonth: 500,
  apiKeys: 3,
  defaultOverlapSeconds: 60,
  maxOverlapSeconds: 600,
}
const name = () => `n${randomUUID().replaceAll('-', '').slice(0, 20)}`
const hash = () => randomBytes(32).toString('base64url')

const organization = (tenant: Tenant): AdminRequest => ({ params: { id: tenant.organizationId } })
const apiKey = async (tenant: Tenant): Promise<AdminRequest> => ({ params: { id: (await tenant.apiKey()).id } })
const account = async (tenant: Tenant): Promise<AdminRequest> => ({ params: { id: await tenant.serviceAccount() } })
const role = async (tenant: Tenant): Promise<AdminRequest> => ({
  params: { name: await tenant.role() },
  query: { organizationId: tenant.organizationId },
})
const plan = async (tenant: Tenant): Promise<AdminRequest> => ({ params: { name: await tenant.plan() } })
const nothing = (): AdminRequest => ({})

/** operationId → a request about an object of the tenant, created for it. A new route needs a line here. */
export const adminRequests: Readonly<Record<string, (tenant: Tenant) => AdminRequest | Promise<AdminRequest>>> = {
  showCaller: nothing,
  rotateCaller: nothing,
  cancelRotationOfCaller: nothing,
  revokeCaller: nothing,

  createOrganization: () => ({ body: { name: name() } }),
  listOrganizations: (tenant) => ({ query: { limit: '200' }, shows: tenant.organizationId }),
  showOrganization: organization,
  updateOrganization: (tenant) => ({ ...organization(tenant), body: { name: name() } }),
  changeOrganizationPlan: (tenant) => ({ ...organization(tenant), body: { plan: 'enterprise' } }),
  changeOrganizationPolicy: (tenant) => ({ ...organization(tenant), body: { maxKeyLifetimeSeconds: null } }),
  deleteOrganization: organization,
  suspendOrganization: (tenant) => ({ ...organization(tenant), body: { dryRun: true } }),
  resumeOrganization: organization,
  revokeAllApiKeys: (tenant) => ({ ...organization(tenant), body: { dryRun: true } }),

  createPlan: () => ({ body: { name: name(), ...planLimits } }),
  listPlans: nothing,
  showPlan: plan,
  updatePlan: async (tenant) => ({ ...(await plan(tenant)), body: { requestsPerMinute: 6 } }),
  deletePlan: plan,

  createServiceAccount: (tenant) => ({ body: { name: name(), organizationId: tenant.organizationId } }),
  listServiceAccounts: async (tenant) => ({ query: { limit: '200' }, shows: await tenant.serviceAccount() }),
  showServiceAccount: account,
  updateServiceAccount: async (tenant) => ({ ...(await account(tenant)), body: { description: 'x' } }),
  deleteServiceAccount: account,
  disableServiceAccount: account,
  enableServiceAccount: account,

  createRole: (tenant) => ({
    body: { name: name(), permissions: ['api_keys.read:own'], organizationId: tenant.organizationId },
  }),
  listRoles: async (tenant) => ({ query: { organizationId: tenant.organizationId }, shows: await tenant.role() }),
  showRole: role,
  updateRole: async (tenant) => ({ ...(await role(tenant)), body: { permissions: ['api_keys.read:own'] } }),
  deleteRole: role,

  listMembers: async (tenant) => ({ query: { limit: '200' }, shows: await tenant.serviceAccount() }),
  showMember: account,
  assignRoles: async (tenant) => ({ ...(await account(tenant)), body: { roles: [] } }),

  createApiKey: (tenant) => ({ body: { name: name(), organizationId: tenant.organizationId } }),
  listApiKeys: async (tenant) => ({ query: { limit: '200' }, shows: (await tenant.apiKey()).id }),
  showApiKey: apiKey,
  updateApiKey: async (tenant) => ({ ...(await apiKey(tenant)), body: { description: 'x' } }),
  rotateApiKey: apiKey,
  cancelRotation: async (tenant) => ({ params: { id: (await tenant.rotatedApiKey()).id } }),
  listApiKeyVersions: apiKey,
  endApiKeyVersion: async (tenant) => ({ params: { id: (await tenant.rotatedApiKey()).id, version: '1' } }),
  disableApiKey: apiKey,
  enableApiKey: apiKey,
  expireApiKey: apiKey,
  revokeApiKey: apiKey,
  revokeApiKeys: async (tenant) => {
    const { id, hint } = await tenant.apiKey()
    return { body: { filter: { prefix: 'mk', hint }, dryRun: true }, shows: id }
  },
  findLeakedApiKey: async (tenant) => ({ body: { sha256: (await tenant.apiKey()).hash } }),
  deleteApiKey: apiKey,
  importApiKeys: (tenant) => ({
    body: { organizationId: tenant.organizationId, rows: [{ name: name(), hash: hash() }] },
  }),

  createRevocation: async (tenant) => ({ body: { kind: 'api_key', value: (await tenant.apiKey()).id } }),
  listRevocations: async (tenant) => ({ query: { limit: '200' }, shows: await tenant.rule() }),
  liftRevocation: async (tenant) => ({ params: { id: await tenant.rule() } }),

  listSigningKeys: nothing,
  showSigningKey: async (tenant) => ({ params: { id: await tenant.signingKey('active') } }),
  rotateSigningKey: () => ({ body: { purpose: 'record', force: true } }),
  activateSigningKey: async (tenant) => ({ params: { id: await tenant.signingKey('pending') }, body: { force: true } }),
  rollbackSigningKey: async (tenant) => {
    await tenant.rotateSigningKey()
    return {}
  },
  replaceSigningKey: () => ({ body: { compromised: true } }),
  importSigningKey: async () => ({
    body: { algorithm: 'EdDSA', jwk: { ...(await generateKeyPair('EdDSA')).privateJwk } },
  }),
  addSigningKey: () => ({ body: { algorithm: 'ES384' } }),
  listVerifiers: nothing,
  kekStatus: nothing,
  rewrapEnvelopes: nothing,

  listAuditEvents: (tenant) => ({ query: { limit: '200' }, shows: tenant.event }),
  exportAuditEvents: (tenant) => ({ query: { format: 'csv' }, shows: tenant.event }),
  createAuditCheckpoint: nothing,
}

/** The path of the request with its parameters filled in. */
export function pathOf(template: string, { params = {}, query = {} }: AdminRequest): string {
  const path = template.replaceAll(/\{(\w+)\}/g, (_, placeholder: string) =>
    encodeURIComponent((params[placeholder] ?? '').toWellFormed()),
  )
  const text = new URLSearchParams(query).toString()
  return text === '' ? path : `${path}?${text}`
}

/**
 * Members that an attacker adds to a body to write what they may not: no route of the admin API accepts one of these.
 */
export const intrudingMembers: readonly string[] = [
  'id',
  'orgId',
  'organization_id',
  'userId',
  'role',
  'rateLimit',
  'keyHash',
  'hash',
  'secret',
  'isAdmin',
  'createdBy',
  'createdAt',
  'revokedAt',
  'disabledAt',
  'status',
  'version',
  'actor',
  'within',
  'system',
  'constructor',
]
