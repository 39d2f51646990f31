import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { countHolders, type Holders, lockRights } from './queries.ts'

/**
 * Makes a change that may take rights away (revoke, disable, strip of roles, suspend), and undoes it by throwing `conflict` when afterwards no
 * root key works any more, or nobody can administer the organization, where somebody could before. Changes of this kind wait for one
 * another, so that two of them cannot each take away what the other one counted on.
 *
 * To be called first in the transaction: it takes its locks, that of `lockOrganization` included, in an order of its own. Without an
 * organization, as for a change in several at once, it looks at root keys alone. A key that will expire, or whose revocation is scheduled, counts
 * as what it is then: the one works until then, the other is as good as gone.
 *
 * `force` = the caller knows; give it (false too) only where the caller can say so, for then the refusal speaks of it.
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
    throw lastOne('the last root key that works, and nobody could manage the service', force)
  if (before.admins > 0 && after.admins === 0)
    throw lastOne('the last one that can administer this organization', force)
  return result
}

const nobody: Holders = { roots: 0, admins: 0 }

function lastOne(what: string, force: boolean | undefined): ServiceError {
  const wayOut = force === undefined ? '' : ' To do it all the same, repeat it with force.'
  return new ServiceError('conflict', {
    detail: `This would take away ${what}. Make another one first.${wayOut}`,
    reason: 'last holder',
  })
}
