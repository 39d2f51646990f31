import { about } from '../access/about.ts'
import type { Within } from '../access/authorize.ts'
import type { Lock } from '../access/change.ts'
import { isAddressAllowed } from '../access/cidr.ts'
import { keepingLastHolders } from '../access/locks.ts'
import type { Principal } from '../access/principal.ts'
import { lockOrganization } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { lockApiKeyRow } from './change-queries.ts'
import { findApiKey, type StoredApiKey } from './queries.ts'
import type { ApiKeyChange } from './settings.ts'
import { apiKeyStatus } from './status.ts'
import { type ApiKeyView, apiKeyView } from './view.ts'

export type LockedApiKey = {
  readonly apiKey: StoredApiKey
  readonly organization: NonNullable<Awaited<ReturnType<typeof lockOrganization>>>
}

/**
 * A live key, locked together with its organization until the transaction ends. The time of the change is read under the
 * lock: another change may have ended the key, or one of its versions, while this one waited. Throws `not_found` for a
 * key that does not exist or is out of reach, and `conflict` for a revoked or expired one: dead keys never change.
 */
export function apiKeyLock(id: string): Lock<LockedApiKey> {
  return async ({ tx, within, clock }, work) => {
    const { organizationId } = await findReachable(tx, { id, within })
    const organization = await lockOrganization(tx, { id: organizationId, within: 'everywhere' })
    await lockApiKeyRow(tx, id)
    const apiKey = await findReachable(tx, { id, within })
    if (!organization) throw new ServiceError('not_found')
    const now = clock()
    const thing = { organizationId, subject: id }
    await about(
      () => thing,
      async () => requireLiveApiKey(apiKey, now),
    )
    const { revision } = apiKey
    return await work({ thing: { apiKey, organization }, organizationId, subject: id, revision, now })
  }
}

/**
 * As `apiKeyLock`. A change that may take rights away also keeps the last root key and the last administrator: by other
 * roles, by an expiry, or by address ranges with which a key shuts itself out.
 */
export function settingsLock(id: string, settings: ApiKeyChange): Lock<LockedApiKey> {
  const { roles, expiresAt, allowedCidrs, deniedCidrs } = settings
  const setsAddresses = allowedCidrs !== undefined || deniedCidrs !== undefined
  if (roles === undefined && !expiresAt && !setsAddresses) return apiKeyLock(id)
  return keepingLastHolders(async ({ tx, actor, within }) => {
    const { organizationId } = await findReachable(tx, { id, within })
    const lost = setsAddresses && id === actor.clientId ? () => unlessReachable(tx, actor) : undefined
    return { organizationId, until: expiresAt ?? undefined, lost }
  }, apiKeyLock(id))
}

/** The calling key, if it may no longer be used from the address of the request. */
async function unlessReachable(tx: Db, { clientId, origin }: Principal): Promise<string | undefined> {
  const { allowedCidrs, deniedCidrs } = await findReachable(tx, { id: clientId, within: 'everywhere' })
  return isAddressAllowed({ allowedCidrs, deniedCidrs }, origin.address) ? undefined : clientId
}

/**
 * For the end of a key, whatever its status, locked like a live one. Throws `not_found`, `permission_denied` for a root
 * key unless the caller is root or the key itself, and without `force` `conflict` for the last key that can administer
 * the service or its organization.
 */
export function endingLock(id: string, force: boolean): Lock<StoredApiKey> {
  const found: Lock<StoredApiKey> = async ({ tx, actor, within, clock }, work) => {
    await lockApiKeyRow(tx, id)
    const apiKey = await findReachable(tx, { id, within })
    requireRootForRootKey(actor, apiKey)
    const { organizationId, revision } = apiKey
    return await work({ thing: apiKey, organizationId, subject: id, revision, now: clock() })
  }
  return keepingLastHolders(async ({ tx, within }) => ({ ...(await findReachable(tx, { id, within })), force }), found)
}

/** The key as the change left it. */
export async function readChangedApiKey(tx: Db, id: string, now: Date): Promise<ApiKeyView> {
  const apiKey = await findApiKey(tx, { id, within: 'everywhere' })
  if (!apiKey) throw new Error('the API key that was changed is gone')
  return apiKeyView(apiKey, now)
}

async function findReachable(tx: Db, where: { id: string; within: Within }): Promise<StoredApiKey> {
  const apiKey = await findApiKey(tx, where)
  if (!apiKey) throw new ServiceError('not_found') // a key out of reach looks like a missing one
  return apiKey
}

/** Throws `conflict` for a key that is revoked or expired. */
export function requireLiveApiKey(apiKey: Parameters<typeof apiKeyStatus>[0], now: Date): void {
  const status = apiKeyStatus(apiKey, now)
  if (status !== 'revoked' && status !== 'expired') return
  throw new ServiceError('conflict', {
    detail:
      status === 'revoked'
        ? 'The API key is revoked. Revocation is permanent: create a new key.'
        : 'The API key is expired and cannot be changed. Create a new key.',
  })
}

/**
 * An administrator of an organization must not lock the operator out through a root key in it. Throws
 * `permission_denied`.
 */
export function requireRootForRootKey(
  actor: Principal,
  { id, roles }: { readonly id: string; readonly roles: readonly string[] },
): void {
  if (!roles.includes('root') || actor.roles.has('root') || id === actor.clientId) return
  throw new ServiceError('permission_denied', {
    detail: 'Only a root key may change a key with the role root.',
    reason: 'touches a root key',
  })
}

/**
 * A key rotates itself, and takes its rotation back, only by its newest secret, whatever its roles and the route: a
 * leaked token or previous secret must not prolong its own life. Throws `permission_denied`.
 */
export function requireNewestSecret(
  actor: Principal,
  { id, version }: Pick<StoredApiKey, 'id' | 'version'>,
  what: 'rotate it' | 'cancel its rotation',
): void {
  if (id !== actor.clientId || actor.apiKeyVersion === version) return
  throw new ServiceError('permission_denied', {
    detail: `Only the newest secret of the key may ${what}. Send the newest secret.`,
  })
}
