import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { countHolders, type Holders, lockRights } from './queries.ts'

export type LastHolders = {
  readonly organizationId: string | null
  readonly force?: boolean | undefined
  readonly until?: Date | undefined
  readonly lost?: (() => Promise<string | undefined>) | undefined
}

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
 * error mentions it. `until` = a later time at which the change ends a key: somebody must be left then, too. `lost`
 * asks after the change for a key that no longer counts, because its holder can no longer use it.
 */
export async function keepLastHolders<Result>(
  tx: Db,
  { organizationId, now, force, until = now, lost }: LastHolders & { readonly now: Date },
  change: () => Promise<Result>,
): Promise<Result> {
  await lockRights(tx, organizationId)
  const times = force ? [] : until > now ? [now, until] : [now]
  const before: { at: Date; holders: Holders }[] = []
  for (const at of times) before.push({ at, holders: await countHolders(tx, organizationId, at) })
  const result = await change()
  if (before.every(({ holders }) => holders.roots === 0 && holders.admins === 0)) return result
  const without = await lost?.()
  for (const { at, holders } of before) {
    const after = await countHolders(tx, organizationId, at, without)
    if (holders.roots > 0 && after.roots === 0)
      throw lastOne('the last working root key, and nobody could manage the service', force)
    if (holders.admins > 0 && after.admins === 0) throw lastOne('the last administrator of this organization', force)
  }
  return result
}

function lastOne(what: string, force: boolean | undefined): ServiceError {
  const wayOut = force === undefined ? '' : ' To do it anyway, repeat the request with force.'
  return new ServiceError('conflict', {
    detail: `This would remove ${what}. Create another one first.${wayOut}`,
    reason: 'last holder',
  })
}
