import { randomBytes, randomUUID } from 'node:crypto'
import { generateKeyPair } from '../../src/signing-keys/key-pair.ts'
import type { Place } from './tenant.ts'

/** A request that the service accepts, of somebody who may. */
export type AdminRequest = {
  params?: Record<string, string>
  query?: Record<string, string>
  body?: Record<string, unknown>
  /** In the answer if, and only if, the caller reaches the place. */
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

const organization = (place: Place): AdminRequest => ({ params: { id: place.organizationId } })
const apiKey = async (place: Place): Promise<AdminRequest> => ({ params: { id: (await place.apiKey()).id } })
const account = async (place: Place): Promise<AdminRequest> => ({ params: { id: await place.serviceAccount() } })
const role = async (place: Place): Promise<AdminRequest> => ({
  params: { name: await place.role() },
  query: { organizationId: place.organizationId },
})
const plan = async (place: Place): Promise<AdminRequest> => ({ params: { name: await place.plan() } })
const nothing = (): AdminRequest => ({})

/** operationId → such a request about something in the place, which is made for it. A new route needs a line here. */
export const adminRequests: Readonly<Record<string, (place: Place) => AdminRequest | Promise<AdminRequest>>> = {
  showCaller: nothing,
  rotateCaller: nothing,
  revokeCaller: nothing,

  createOrganization: () => ({ body: { name: name() } }),
  listOrganizations: (place) => ({ query: { limit: '200' }, shows: place.organizationId }),
  showOrganization: organization,
  updateOrganization: (place) => ({ ...organization(place), body: { name: name() } }),
  changeOrganizationPlan: (place) => ({ ...organization(place), body: { plan: 'enterprise' } }),
  changeOrganizationPolicy: (place) => ({ ...organization(place), body: { maxKeyLifetimeSeconds: null } }),
  suspendOrganization: (place) => ({ ...organization(place), body: { dryRun: true } }),
  resumeOrganization: organization,
  revokeAllApiKeys: (place) => ({ ...organization(place), body: { dryRun: true } }),

  createPlan: () => ({ body: { name: name(), ...planLimits } }),
  listPlans: nothing,
  showPlan: plan,
  updatePlan: async (place) => ({ ...(await plan(place)), body: { requestsPerMinute: 6 } }),
  deletePlan: plan,

  createServiceAccount: (place) => ({ body: { name: name(), organizationId: place.organizationId } }),
  listServiceAccounts: async (place) => ({ query: { limit: '200' }, shows: await place.serviceAccount() }),
  showServiceAccount: account,
  updateServiceAccount: async (place) => ({ ...(await account(place)), body: { description: 'x' } }),
  deleteServiceAccount: account,
  disableServiceAccount: account,
  enableServiceAccount: account,

  createRole: (place) => ({
    body: { name: name(), permissions: ['api_keys.read:own'], organizationId: place.organizationId },
  }),
  listRoles: async (place) => ({ query: { organizationId: place.organizationId }, shows: await place.role() }),
  showRole: role,
  updateRole: async (place) => ({ ...(await role(place)), body: { permissions: ['api_keys.read:own'] } }),
  deleteRole: role,

  listMembers: async (place) => ({ query: { limit: '200' }, shows: await place.serviceAccount() }),
  showMember: account,
  assignRoles: async (place) => ({ ...(await account(place)), body: { roles: [] } }),

  createApiKey: (place) => ({ body: { name: name(), organizationId: place.organizationId } }),
  listApiKeys: async (place) => ({ query: { limit: '200' }, shows: (await place.apiKey()).id }),
  showApiKey: apiKey,
  updateApiKey: async (place) => ({ ...(await apiKey(place)), body: { description: 'x' } }),
  rotateApiKey: apiKey,
  listApiKeyVersions: apiKey,
  endApiKeyVersion: async (place) => ({ params: { id: (await place.rotatedApiKey()).id, version: '1' } }),
  disableApiKey: apiKey,
  enableApiKey: apiKey,
  expireApiKey: apiKey,
  revokeApiKey: apiKey,
  revokeApiKeys: async (place) => {
    const { id, hint } = await place.apiKey()
    return { body: { filter: { prefix: 'mk', hint }, dryRun: true }, shows: id }
  },
  findLeakedApiKey: async (place) => ({ body: { sha256: (await place.apiKey()).hash } }),
  importApiKeys: (place) => ({
    body: { organizationId: place.organizationId, rows: [{ name: name(), hash: hash() }] },
  }),

  createRevocation: async (place) => ({ body: { kind: 'api_key', value: (await place.apiKey()).id } }),
  listRevocations: async (place) => ({ query: { limit: '200' }, shows: await place.rule() }),
  liftRevocation: async (place) => ({ params: { id: await place.rule() } }),

  listSigningKeys: nothing,
  showSigningKey: async (place) => ({ params: { id: await place.signingKey('active') } }),
  rotateSigningKey: () => ({ body: { purpose: 'record', force: true } }),
  activateSigningKey: async (place) => ({ params: { id: await place.signingKey('pending') }, body: { force: true } }),
  rollbackSigningKey: async (place) => {
    await place.turn()
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

  listAuditEvents: (place) => ({ query: { limit: '200' }, shows: place.event }),
  exportAuditEvents: (place) => ({ query: { format: 'csv' }, shows: place.event }),
  createAuditCheckpoint: nothing,
}

/** The path of the request, its placeholders filled in. */
export function pathOf(template: string, { params = {}, query = {} }: AdminRequest): string {
  const path = template.replaceAll(/\{(\w+)\}/g, (_, placeholder: string) =>
    encodeURIComponent((params[placeholder] ?? '').toWellFormed()),
  )
  const text = new URLSearchParams(query).toString()
  return text === '' ? path : `${path}?${text}`
}

/** What somebody would slip into a body who wants to write what is not theirs: no route of the admin API takes one of these. */
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
