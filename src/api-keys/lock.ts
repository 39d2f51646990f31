import type { Within } from '../access/authorize.ts'
import { keepLastHolders } from '../access/last-holders.ts'
import type { Principal } from '../access/principal.ts'
import { lockOrganization } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { lockApiKeyRow } from './change-queries.ts'
import { findApiKey } from './queries.ts'
import { apiKeyStatus } from './status.ts'

/**
 * A live key, locked together with its organization until the transaction ends. Throws `not_found` for a key that does
 * not exist or is out of reach, and `conflict` for a revoked or expired one: dead keys never change.
 */
export async function lockApiKey(tx: Db, where: { id: string; within: Within }, now: Date) {
  const found = await findApiKey(tx, where)
  if (!found) throw new ServiceError('not_found')
  const organization = await lockOrganization(tx, { id: found.organizationId, within: 'everywhere' })
  await lockApiKeyRow(tx, where.id)
  const apiKey = await findApiKey(tx, where)
  if (!organization || !apiKey) throw new ServiceError('not_found')
  requireLiveApiKey(apiKey, now)
  return { apiKey, organization }
}

/** Looks after the last root key where roles change; to be called before anything else is locked. */
export async function keepingHolders<Result>(
  tx: Db,
  { id, within, now, mayTakeAway }: { id: string; within: Within; now: Date; mayTakeAway: boolean },
  change: () => Promise<Result>,
): Promise<Result> {
  const apiKey = mayTakeAway ? await findApiKey(tx, { id, within }) : undefined
  if (!apiKey || apiKey.roles.length === 0) return await change()
  return await keepLastHolders(tx, { organizationId: apiKey.organizationId, now }, change)
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
