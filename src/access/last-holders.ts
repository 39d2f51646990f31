import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { countHolders, type Holders, lockRights } from './queries.ts'

/**
 * For a change that may take rights away (revoke, disable, remove roles, suspend). Runs the change, and throws
 * `conflict` if afterwards no root key works or nobody can administer the organization, while somebody could before.
 * Such changes wait for each other, so that two of them cannot each rely on what the other takes away.
 *
 * Call it first in the transaction: it takes its locks in its own order, `lockOrganization` included. Without an
 * organization, as for a change in several at once, it checks root keys only. A key that will expire still counts until
 * then. A key whose revocation is scheduled no longer counts.
 *
 * `force` = the caller accepts the loss. Pass it (also false) only where the caller can choose it, because then the
 * error mentions it.
 */
export async function keepLastHolders<Result>(
  tx: Db,
  { organizationId, now, force }: { organizationId: string | null; now: Date; force?: boolean | undefined },
  change: () => Promise<Result>,
): Promise<Result> {
  await lockRights(tx, organizationId)
  const before = force ? nobody : await countHolders(tx, organizationId, now)
  const result = await change()
  if (before.roots === 0 && before.admins === 0) return result
  const after = await countHolders(tx, organizationId, now)
  if (before.roots > 0 && after.roots === 0)
    throw lastOne('the last working root key, and nobody could manage the service', force)
  if (before.admins > 0 && after.admins === 0) throw lastOne('the last administrator of this organization', force)
  return result
}

const nobody: Holders = { roots: 0, admins: 0 }

function lastOne(what: string, force: boolean | undefined): ServiceError {
  const wayOut = force === undefined ? '' : ' To do it anyway, repeat the request with force.'
  return new ServiceError('conflict', {
    detail: `This would remove ${what}. Create another one first.${wayOut}`,
    reason: 'last holder',
  })
}
