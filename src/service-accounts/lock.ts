import { authorizeGrant } from '../access/authorize.ts'
import type { Lock } from '../access/change.ts'
import { keepingLastHolders } from '../access/locks.ts'
import type { Principal } from '../access/principal.ts'
import { customRolesOf } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { findServiceAccount, lockServiceAccount, type ServiceAccount } from './queries.ts'

/**
 * Locks an account and its organization, so that other changes that remove rights wait. Throws `not_found`,
 * `permission_denied` when the account's roles permit more than the caller may do, and `conflict` when nobody could
 * administer the organization or the service after the change.
 */
export function accountLock(id: string): Lock<ServiceAccount> {
  return keepingLastHolders(
    ({ tx, within }) => findServiceAccount(tx, { id, within }),
    async ({ tx, actor, within }, work) => {
      const account = await lockServiceAccount(tx, { id, within })
      if (!account) throw new ServiceError('not_found')
      const { organizationId, roles, revision } = account
      await requireHeld(tx, actor, organizationId, roles)
      return await work({ thing: account, organizationId, subject: id, revision })
    },
  )
}

/** Throws `permission_denied` when the roles permit more than the caller may do. */
export async function requireHeld(
  tx: Db,
  actor: Principal,
  organizationId: string,
  roles: readonly string[],
): Promise<void> {
  authorizeGrant(actor, { scopes: [], audiences: [], roles }, await customRolesOf(tx, organizationId, roles))
}
