import { type Change, type ChangeServices, change, unchanged } from '../access/change.ts'
import { keepingLastHolders, type Organization, organizationLock } from '../access/locks.ts'
import type { Principal } from '../access/principal.ts'
import { removeApiKeys } from '../api-keys/delete.ts'
import { lockApiKeysOf } from '../api-keys/deletion-queries.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { updateOrganizationRow } from '../organizations/queries.ts'
import { endLastingRules } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { type Contents, countLiveApiKeys, deleteOrganizationRow, lockContents, selectLiveApiKeyIds } from './queries.ts'

type DeletingServices = ChangeServices & Pick<Services, 'config'>

/** Keys that are deleted in one transaction, which must not hold its locks for long. */
const batchSize = 1000
const shownIds = 100

/**
 * Deletes an organization with its keys, service accounts and custom roles. All tokens of its keys are revoked. Kept are
 * its audit events, and the rules about its tokens until they have expired. More than a thousand keys take several
 * transactions, and repeating the call continues where it stopped. Repeating it afterwards is `not_found`.
 *
 * Throws `conflict` without `force` while a key is neither revoked nor expired, for the organization of the caller's own
 * key, and when no root key would be left.
 */
export async function deleteOrganization(
  services: DeletingServices,
  actor: Principal,
  id: string,
  { force = false }: { readonly force?: boolean | undefined } = {},
): Promise<void> {
  for (let by = actor; ; by = { ...actor, expectedRevision: undefined }) {
    const isDone = await change(
      services,
      by,
      'organizations.delete',
      deletionLock(id),
      async (tx, organization, now) => {
        refuseOwn(actor, id)
        const live = force ? 0 : await countLiveApiKeys(tx, id, now)
        if (live > 0) throw holdsKeys(live)
        return await deleteBatch(tx, services, actor, organization, now)
      },
    )
    if (isDone) return
  }
}

/** Keys that are revoked or expired already do not count. */
export type OrganizationDeletionImpact = Impact & Contents

/** What deleting the organization would break, with `force`. Writes nothing. Throws the same, except for its keys. */
export async function tryDeletingOrganization(
  services: DeletingServices & Pick<Services, 'db'>,
  actor: Principal,
  id: string,
): Promise<OrganizationDeletionImpact> {
  const decide = async (tx: Db, _: Organization, now: Date) => {
    refuseOwn(actor, id)
    const tried = { keyIds: await selectLiveApiKeyIds(tx, id, now), contents: await lockContents(tx, id) }
    await updateOrganizationRow(tx, id, { suspendedAt: now }) // so that its keys no longer count as holders of root
    return unchanged(tried)
  }
  const dryRun = { dryRun: true }
  const { keyIds, contents } = await change(services, actor, 'organizations.delete', deletionLock(id), decide, dryRun)
  return { ...(await whatWouldBreak(services.db, keyIds, services.now())), ...contents }
}

function deletionLock(id: string) {
  return keepingLastHolders(async () => ({ organizationId: null }), organizationLock(id))
}

/** True = the organization is gone; false = it had more keys than one transaction deletes. */
async function deleteBatch(
  tx: Db,
  services: DeletingServices,
  actor: Principal,
  { id, name, slug }: Organization,
  now: Date,
): Promise<Change<boolean>> {
  const contents = await lockContents(tx, id)
  const keys = await lockApiKeysOf(tx, id, batchSize)
  await removeApiKeys(tx, services, keys, actor, now)
  const deleted = { apiKeys: keys.length, apiKeyIds: keys.slice(0, shownIds).map((key) => key.id) }
  if (keys.length === batchSize) return { view: false, event: { type: 'api_keys.deleted', context: deleted } }
  await deleteOrganizationRow(tx, id)
  await endLastingRules(tx, { organizationId: id }, services.config.clockToleranceSeconds, now)
  return { view: true, event: { type: 'organization.deleted', context: { name, slug, ...deleted, ...contents } } }
}

function refuseOwn(actor: Principal, id: string): void {
  if (actor.organizationId !== id) return
  throw new ServiceError('conflict', {
    detail: 'Your own key belongs to this organization. Delete it with a root key of another organization.',
  })
}

function holdsKeys(live: number): ServiceError {
  const [keys, them] = live === 1 ? ['1 API key', 'it'] : [`${live} API keys`, 'them']
  return new ServiceError('conflict', {
    detail: `The organization has ${keys}. A dry run shows who uses ${them}. To delete ${them} too, repeat the request with force.`,
    extensions: { apiKeys: live },
  })
}
