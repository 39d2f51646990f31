import { authorize, organizationFor, type Within } from '../access/authorize.ts'
import { keepLastHolders } from '../access/last-holders.ts'
import type { Principal } from '../access/principal.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { findOrganization } from '../organizations/queries.ts'
import type { Because } from '../revocation/reasons.ts'
import { refreshAfterCommit } from '../revocation/refresh-after-commit.ts'
import { addRevocationRule, addRevocationRules } from '../revocation/rule-queries.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { instantOf, type Revocation, type RevokingServices } from './revoke.ts'
import { type ApiKeyFilter, describeFilter, requireFilter } from './revoke-filter.ts'
import { markApiKeysRevoked, matchesSpared, type Revocable, selectRevocable } from './revoke-queries.ts'

/** What was, or in a dry run would be, revoked. */
export type RevokedApiKeys = {
  dryRun: boolean
  /** How many keys, and the first hundred of them. */
  apiKeys: number
  apiKeyIds: string[]
  /** From when on they are dead; RFC 3339. */
  effectiveAt: string
  /** Id of the caller's own key when it was meant too: it stays, so that nobody locks themselves out. It can revoke itself. */
  spared: string | null
  /** Of a dry run: who would notice. */
  impact: Impact | null
}

/** Keys that are marked, get their rules and stand in the event together: one transaction, which must not keep the trail's lock for long. */
const batchSize = 1000
const shownIds = 100

type Many = Revocation & { readonly dryRun?: boolean | undefined; readonly force?: boolean | undefined }

/**
 * Revokes every key that the filter means, but the caller's own, now or from `at` on. Up to a thousand keys are one transaction; of
 * more, each thousand is one, and repeating it goes on where it ended. Each key gets an open rule of its own: a rule about the whole
 * organization could name no instant that covers what is minted while this commits.
 *
 * Keys with the role root are ended by root only. Throws `invalid_request` for a filter that says nothing and an instant behind,
 * `not_found` for an organization that is not theirs, `conflict` where nobody could administer the organization or the service any more,
 * unless `force` says that this is meant.
 */
export async function revokeApiKeys(
  services: RevokingServices,
  actor: Principal,
  filter: ApiKeyFilter,
  { dryRun = false, force = false, ...revocation }: Many,
): Promise<RevokedApiKeys> {
  const within = authorize(actor, 'api_keys.revoke')
  requireFilter(filter)
  if (filter.organizationId !== undefined) await requireOrganization(services.db, actor, within, filter.organizationId)
  const now = services.now()
  const where = {
    within,
    filter,
    at: instantOf(revocation, now),
    spared: actor.clientId,
    rootToo: actor.roles.has('root'),
  }
  if (dryRun) return await tryRevoking(services.db, where, now)
  return await revokeInBatches(services, actor, where, { ...revocation, force, now })
}

/**
 * The emergency of a whole organization: every key but the caller's own is revoked now, and whatever was issued until now is dead by a rule
 * about the organization too. Keys made afterwards work. Throws `not_found`.
 */
export async function revokeAllApiKeys(
  services: RevokingServices,
  actor: Principal,
  organizationId: string,
  { dryRun = false, ...because }: Because & { readonly dryRun?: boolean | undefined },
): Promise<RevokedApiKeys> {
  const within = authorize(actor, 'api_keys.revoke')
  if (within !== 'everywhere' && within.owner)
    throw new ServiceError('permission_denied', { reason: 'api_keys.revoke of a whole organization' })
  await requireOrganization(services.db, actor, within, organizationId)
  const now = services.now()
  const where = {
    within,
    filter: { organizationId },
    at: now,
    spared: actor.clientId,
    rootToo: actor.roles.has('root'),
  }
  if (dryRun) return await tryRevoking(services.db, where, now)
  return await revokeInBatches(services, actor, where, { ...because, force: true, now, whole: organizationId })
}

async function requireOrganization(db: Db, actor: Principal, within: Within, asked: string): Promise<void> {
  const id = organizationFor(actor, within, asked)
  if (!(await findOrganization(db, { id, within }))) throw new ServiceError('not_found')
}

async function tryRevoking(db: Db, where: Revocable, now: Date): Promise<RevokedApiKeys> {
  const ids = await selectRevocable(db, where)
  const [impact, spared] = await Promise.all([whatWouldBreak(db, ids, now), sparedOf(db, where)])
  return { dryRun: true, ...shown(ids, where), spared, impact }
}

type Batch = Because & {
  readonly now: Date
  /** The last administrator too. */
  readonly force: boolean
  /** The organization that dies as a whole. */
  readonly whole?: string | undefined
}

async function revokeInBatches(
  services: RevokingServices,
  actor: Principal,
  where: Revocable,
  batch: Batch,
): Promise<RevokedApiKeys> {
  const ids: string[] = []
  for (let rest = batch; ; rest = { ...rest, whole: undefined }) {
    const revoked = await services.db.transaction((tx) =>
      revokeBatch(tx, services.config.clockToleranceSeconds, actor, where, rest),
    )
    if (revoked.length === 0) break
    ids.push(...revoked)
  }
  await refreshAfterCommit(services)
  return { dryRun: false, ...shown(ids, where), spared: await sparedOf(services.db, where), impact: null }
}

/** Ids of the keys that it revoked; none when nothing is left to do. Each organization that is touched has an event of its own. */
async function revokeBatch(
  tx: Db,
  tolerance: number,
  actor: Principal,
  where: Revocable,
  batch: Batch,
): Promise<string[]> {
  const { now, reason, text, whole, force } = batch
  const because = { reason, reasonText: text, actor: actor.clientId }
  const organizationId =
    where.filter.organizationId ?? (where.within === 'everywhere' ? null : where.within.organizationId)
  const mark = () => markApiKeysRevoked(tx, where, { reason, text }, batchSize)
  const revoked = await keepLastHolders(tx, { organizationId, now, force }, mark) // its locks also keep new keys before or after
  if (whole !== undefined) {
    const rule = {
      kind: 'organization',
      value: whole,
      issuedBefore: now,
      effectiveAt: now,
      expires: 'when_dead',
    } as const
    await addRevocationRule(tx, { ...rule, ...because, organizationId: whole }, tolerance, now)
  }
  const rules = revoked.map(({ id, organizationId }) => ({
    kind: 'api_key' as const,
    value: id,
    effectiveAt: where.at,
    expires: 'when_dead' as const,
    organizationId,
    ...because,
  }))
  await addRevocationRules(tx, rules, tolerance, now)
  const touched = Map.groupBy(revoked, ({ organizationId }) => organizationId)
  if (whole !== undefined && touched.size === 0) touched.set(whole, [])
  for (const [organizationId, keys] of touched) {
    const context = {
      apiKeys: keys.length,
      apiKeyIds: keys.slice(0, shownIds).map(({ id }) => id),
      filter: describeFilter(where.filter),
      effectiveAt: where.at.toISOString(),
      wholeOrganization: batch.whole !== undefined,
      text: text ?? null,
    }
    await appendAuditEvent(
      tx,
      { type: 'api_keys.revoked', actor, organizationId, subject: organizationId, reason, context },
      now,
    )
  }
  return revoked.map(({ id }) => id)
}

function shown(ids: readonly string[], { at }: Revocable) {
  return { apiKeys: ids.length, apiKeyIds: ids.slice(0, shownIds), effectiveAt: at.toISOString() }
}

async function sparedOf(db: Db, where: Revocable): Promise<string | null> {
  return (await matchesSpared(db, where)) ? where.spared : null
}
