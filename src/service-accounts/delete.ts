import { type ChangeServices, change } from '../access/change.ts'
import type { Principal } from '../access/principal.ts'
import { addRevocationRules } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { accountLock } from './lock.ts'
import { deleteServiceAccountRow, revokeKeysOfAccount, unlinkKeys } from './queries.ts'

type DeletingServices = ChangeServices & Pick<Services, 'config'>

/** Rules that are added in one statement. */
const batchSize = 1000
const shownIds = 100

/**
 * Deletes an account. Its keys and their tokens are revoked in the same transaction. The keys stay in the lists, without
 * an account, as long as every revoked key. Repeating it is `not_found`. Throws `permission_denied` when the account's
 * roles permit more than the caller may do, and `conflict` when nobody could administer the organization or the service
 * afterwards.
 */
export async function deleteServiceAccount(services: DeletingServices, actor: Principal, id: string): Promise<void> {
  await runDeletion(services, actor, { id, dryRun: false })
}

/** What deleting the account would break. Writes nothing. Throws the same. */
export async function tryDeletingServiceAccount(
  services: DeletingServices & Pick<Services, 'db'>,
  actor: Principal,
  id: string,
): Promise<Impact> {
  return await whatWouldBreak(services.db, await runDeletion(services, actor, { id, dryRun: true }), services.now())
}

/** Ids of the keys that it revokes. */
async function runDeletion(
  services: DeletingServices,
  actor: Principal,
  { id, dryRun }: { id: string; dryRun: boolean },
): Promise<string[]> {
  return await change(
    services,
    actor,
    'service_accounts.delete',
    accountLock(id),
    async (tx, { name, organizationId }, now) => {
      const reason = 'service account deleted'
      const ids = await revokeKeysOfAccount(tx, id, { by: actor.clientId, reason }, now)
      const unlinked = await unlinkKeys(tx, id)
      await deleteServiceAccountRow(tx, id)
      const rules = ids.map((value) => {
        const rule = { kind: 'api_key', value, expires: 'when_dead' } as const
        return { ...rule, organizationId, reason, actor: actor.clientId }
      })
      for (let start = 0; start < rules.length; start += batchSize) {
        const batch = rules.slice(start, start + batchSize)
        await addRevocationRules(tx, batch, services.config.clockToleranceSeconds, now)
      }
      const context = { name, apiKeys: ids.length, apiKeyIds: ids.slice(0, shownIds), unlinked }
      return { view: ids, event: { type: 'service_account.deleted', context } }
    },
    { dryRun },
  )
}
