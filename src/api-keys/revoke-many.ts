import { authorize } from '../access/authorize.ts'
import { type Change, type ChangeEvent, change, type Lock, unchanged } from '../access/change.ts'
import { requireFiltered } from '../access/filter-queries.ts'
import { keepingLastHolders, organizationLock } from '../access/locks.ts'
import { requireExpectedRevision } from '../access/precondition.ts'
import type { Principal } from '../access/principal.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { findOrganization } from '../organizations/queries.ts'
import type { Because } from '../revocation/reasons.ts'
import { addRevocationRule, addRevocationRules } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { type Revocation, type RevokingServices, revocationTime } from './revoke.ts'
import { describeFilter, type RevocationFilter, requireFilter } from './revoke-filter.ts'
import { markApiKeysRevoked, matchesSpared, type Revocable, selectRevocable } from './revoke-queries.ts'

/** The keys that were revoked, or in a dry run would be. */
export type RevokedApiKeys = {
  dryRun: boolean
  /** How many keys. `apiKeyIds`: the first hundred of them. */
  apiKeys: number
  apiKeyIds: string[]
  /** When the revocation takes effect; RFC 3339. */
  effectiveAt: string
  /**
   * Id of the caller's own key, if the filter matched it. It is spared, so that nobody locks themselves out; it can
   * revoke itself.
   */
  spared: string | null
  /** Who uses the keys; dry run only. */
  impact: Impact | null
}

/** Keys that are revoked in one transaction, which must not hold the audit trail's lock for long. */
const batchSize = 1000
const shownIds = 100

type Many = Revocation & { readonly dryRun?: boolean | undefined; readonly force?: boolean | undefined }

/**
 * Revokes every key that matches the filter, except the caller's own, now or from `at` on. Each thousand keys are one
 * transaction, and repeating the call continues where it stopped. Each key gets its own open rule: a rule about the
 * whole organization has a time limit, and would miss tokens that are issued while this commits.
 *
 * Only root revokes root keys; others skip them. Throws `invalid_request` for an empty filter or a time in the past,
 * `not_found` for an organization or service account out of reach, and without `force` `conflict` when nobody could
 * administer the organization or the service afterwards.
 */
export async function revokeApiKeys(
  services: RevokingServices & Pick<Services, 'db'>,
  actor: Principal,
  filter: RevocationFilter,
  { dryRun = false, force = false, ...revocation }: Many,
): Promise<RevokedApiKeys> {
  const within = authorize(actor, 'api_keys.revoke')
  requireFilter(filter)
  await requireFiltered(services.db, within, filter, 'filter.')
  const now = services.now()
  const where = {
    within,
    filter,
    when: revocationTime(revocation, now),
    spared: actor.clientId,
    rootToo: actor.roles.has('root'),
  }
  if (dryRun) {
    requireExpectedRevision(actor, undefined)
    return await tryRevoking(services.db, where, now)
  }
  return await revokeInBatches(services, actor, where, { ...revocation, force, now })
}

/**
 * Emergency: revokes every key of an organization except the caller's own. A rule about the organization also revokes
 * every token issued until now. Keys created later work. Throws `not_found`.
 */
export async function revokeAllApiKeys(
  services: RevokingServices & Pick<Services, 'db'>,
  actor: Principal,
  organizationId: string,
  { dryRun = false, ...because }: Because & { readonly dryRun?: boolean | undefined },
): Promise<RevokedApiKeys> {
  const within = authorize(actor, 'api_keys.revoke')
  if (within !== 'everywhere' && within.owner)
    throw new ServiceError('permission_denied', { reason: 'api_keys.revoke of a whole organization' })
  const organization = await findOrganization(services.db, { id: organizationId, within })
  if (!organization) throw new ServiceError('not_found')
  const now = services.now()
  const where = {
    within,
    filter: { organizationId },
    when: { at: now, planned: false },
    spared: actor.clientId,
    rootToo: actor.roles.has('root'),
  }
  if (dryRun) {
    requireExpectedRevision(actor, organization.revision)
    return await tryRevoking(services.db, where, now)
  }
  return await revokeInBatches(services, actor, where, { ...because, force: true, now, whole: organizationId })
}

async function tryRevoking(db: Db, where: Revocable, now: Date): Promise<RevokedApiKeys> {
  const ids = await selectRevocable(db, where)
  const [impact, spared] = await Promise.all([whatWouldBreak(db, ids, now), sparedOf(db, where)])
  return { dryRun: true, ...shown(ids, where), spared, impact }
}

type Batch = Because & {
  readonly now: Date
  /** Revoke even the last administrator. */
  readonly force: boolean
  /** The organization that is revoked as a whole. */
  readonly whole?: string | undefined
}

async function revokeInBatches(
  services: RevokingServices & Pick<Services, 'db'>,
  actor: Principal,
  where: Revocable,
  batch: Batch,
): Promise<RevokedApiKeys> {
  const organizationId =
    where.filter.organizationId ?? (where.within === 'everywhere' ? null : where.within.organizationId)
  const about: Lock<unknown> = async (_, work) =>
    await work({ thing: undefined, organizationId, subject: organizationId })
  const target = batch.whole === undefined ? about : organizationLock(batch.whole)
  const lock = keepingLastHolders(async () => ({ organizationId, force: batch.force }), target) // also makes new keys wait
  const ids: string[] = []
  for (let [rest, by] = [batch, actor]; ; rest = { ...rest, whole: undefined }) {
    const revoked = await change(services, by, 'api_keys.revoke', lock, (tx) =>
      revokeBatch(tx, services.config.clockToleranceSeconds, actor, where, rest),
    )
    if (revoked.length === 0) break
    ids.push(...revoked)
    by = { ...actor, expectedRevision: undefined } // a later change of the organization must not stop it halfway
  }
  return { dryRun: false, ...shown(ids, where), spared: await sparedOf(services.db, where), impact: null }
}

/** Ids of the revoked keys; empty when nothing is left to do. Each affected organization gets its own event. */
async function revokeBatch(
  tx: Db,
  tolerance: number,
  actor: Principal,
  where: Revocable,
  { now, reason, text, whole }: Batch,
): Promise<Change<string[]>> {
  const because = { reason, reasonText: text, actor: actor.clientId }
  const until = { effectiveAt: where.when.planned ? where.when.at : undefined, expires: 'when_dead' } as const
  const revoked = await markApiKeysRevoked(tx, where, { reason, text, by: actor.clientId }, batchSize)
  if (whole !== undefined) {
    const rule = { kind: 'organization', value: whole, issuedBefore: now, organizationId: whole } as const
    await addRevocationRule(tx, { ...until, ...rule, ...because }, tolerance, now)
  }
  const rules = revoked.map(({ id, organizationId }) => {
    return { ...until, kind: 'api_key' as const, value: id, organizationId, ...because }
  })
  await addRevocationRules(tx, rules, tolerance, now)
  const affected = Map.groupBy(revoked, ({ organizationId }) => organizationId)
  if (whole !== undefined && affected.size === 0) affected.set(whole, [])
  const [first, ...others] = [...affected].map(([organizationId, keys]): ChangeEvent => {
    const context = {
      apiKeys: keys.length,
      apiKeyIds: keys.slice(0, shownIds).map(({ id }) => id),
      filter: describeFilter(where.filter),
      effectiveAt: where.when.at.toISOString(),
      wholeOrganization: whole !== undefined,
      text: text ?? null,
    }
    return { type: 'api_keys.revoked', organizationId, subject: organizationId, reason, context }
  })
  const ids = revoked.map(({ id }) => id)
  return first ? { view: ids, events: [first, ...others] } : unchanged(ids)
}

function shown(ids: readonly string[], { when: { at } }: Revocable) {
  return { apiKeys: ids.length, apiKeyIds: ids.slice(0, shownIds), effectiveAt: at.toISOString() }
}

async function sparedOf(db: Db, where: Revocable): Promise<string | null> {
  return (await matchesSpared(db, where)) ? where.spared : null
}
