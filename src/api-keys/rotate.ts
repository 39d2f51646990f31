import { authorize, type Within } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { type Organization, planOf } from '../organizations/queries.ts'
import { refreshAfterCommit } from '../revocation/refresh-after-commit.ts'
import type { Services } from '../services.ts'
import { admitApiKey, requireSigningKey, withinForAccount } from './admission.ts'
import { storeApiKey } from './change-queries.ts'
import { endTokensOfVersions, endTokensWithKey } from './end-tokens.ts'
import { requireLifetime } from './lifetime.ts'
import { holdApiKey, keepingHolders } from './lock.ts'
import { overlapEnd } from './overlap.ts'
import { findApiKey } from './queries.ts'
import { createSecret } from './secret.ts'
import type { ApiKeyChange, ApiKeyDraft } from './settings.ts'
import { changedDraft, changesOf } from './settings.ts'
import { endVersions, insertVersion } from './version-queries.ts'
import { type ApiKeyView, apiKeyView } from './view.ts'

type RotatingServices = Pick<Services, 'config' | 'db' | 'keyring' | 'log' | 'now' | 'platform' | 'revocations'>

export type Rotation = {
  /** How long the former version goes on working; 0 = not at all, absent = what the plan says. */
  readonly overlapSeconds?: number | undefined
  /** What the key says from now on, in all of its versions; absent members stay. */
  readonly change?: ApiKeyChange
}

/** The secret is shown here and nowhere else. */
export type RotatedApiKey = { apiKey: ApiKeyView; secret: string; formerVersion: { version: number; endsAt: string } }

/**
 * Gives a key a new secret, as its next version. The former version works until the overlap has passed, or the key ends, to the
 * millisecond, and its tokens die with it. A version that was still overlapping from an earlier rotation ends at once: never do more than two
 * secrets work. Id, history and usage stay. Repeating it rotates again.
 *
 * Throws `not_found`, `conflict` for a dead key, `invalid_request` for an overlap that the plan does not allow, `permission_denied` for a key
 * that holds more than the caller, `lifetime_not_allowed` when the organization's policy is not met afterwards.
 */
export async function rotateApiKey(
  services: RotatingServices,
  actor: Principal,
  id: string,
  { overlapSeconds, change = {} }: Rotation,
): Promise<RotatedApiKey> {
  const within = authorize(actor, 'api_keys.rotate')
  const accountsWithin = withinForAccount(actor, change, within)
  await requireSigningKey(services, change.tokenAlgorithm)
  const where = { id, within, overlapSeconds, mayTakeAway: change.roles !== undefined }
  return await rotate(services, actor, where, async (tx, { apiKey, organization }, now) => {
    const draft = changedDraft(apiKey, change, now, services.config.apiKeyPrefixes)
    await admitApiKey(tx, actor, { draft, former: apiKey, organization, accountsWithin, showsSecret: true }, now)
    return draft
  })
}

/**
 * The holder gives its own key a new secret, whatever its roles; what the key says stays. Only with the newest secret itself, so that neither a
 * token nor a former secret that leaked outlives itself in this way: anything else is `permission_denied`. Otherwise as `rotateApiKey`.
 */
export async function rotateOwnApiKey(
  services: RotatingServices,
  actor: Principal,
  { overlapSeconds }: Pick<Rotation, 'overlapSeconds'>,
): Promise<RotatedApiKey> {
  const where = { id: actor.clientId, within: 'everywhere', overlapSeconds, mayTakeAway: false } as const
  return await rotate(services, actor, where, async (_, { apiKey, organization }, now) => {
    if (actor.apiKeyVersion !== apiKey.version) {
      throw new ServiceError('permission_denied', { detail: 'Only the newest secret of the key itself may rotate it.' })
    }
    requireLifetime(apiKey, organization, now)
    return apiKey
  })
}

type Held = Awaited<ReturnType<typeof holdApiKey>>

async function rotate(
  services: RotatingServices,
  actor: Principal,
  target: { id: string; within: Within; overlapSeconds: number | undefined; mayTakeAway: boolean },
  admit: (tx: Db, held: Held, now: Date) => Promise<ApiKeyDraft>,
): Promise<RotatedApiKey> {
  const { id, within, overlapSeconds, mayTakeAway } = target
  const now = services.now()
  const environment = await environmentOf(services.db, { id, within })
  const { secret, stored } = await createSecret(services, environment)
  const replace = async (tx: Db) => {
    const held = await holdApiKey(tx, { id, within }, now)
    const { apiKey: former, organization } = held
    const draft = await admit(tx, held, now)
    const changes = changesOf(former, draft)
    const endsAt = await endOfFormer(tx, organization, { ...former, expiresAt: draft.expiresAt }, overlapSeconds, now)
    const { environment: _, ...settings } = draft
    if (Object.keys(changes).length > 0) await storeApiKey(tx, id, settings)
    await endTokensWithKey(
      tx,
      services,
      { id, organizationId: organization.id, actor, former, expiresAt: draft.expiresAt },
      now,
    )
    const ended = { id, organizationId: organization.id, reason: 'rotated', actor }
    const older = await endVersions(tx, id, former.version - 1, now)
    if (older.length > 0)
      await endTokensOfVersions(tx, services, { ...ended, version: former.version - 1, at: now }, now)
    await endVersions(tx, id, former.version, endsAt)
    await endTokensOfVersions(tx, services, { ...ended, version: former.version, at: endsAt }, now)
    const version = former.version + 1
    await insertVersion(tx, id, version, stored, now)
    const context = { version, former: former.version, formerEndsAt: endsAt.toISOString(), changes }
    await appendAuditEvent(
      tx,
      { type: 'api_key.rotated', actor, organizationId: organization.id, subject: id, context },
      now,
    )
    return { apiKey: await findApiKey(tx, { id, within: 'everywhere' }), former: former.version, endsAt }
  }
  const rotated = await services.db.transaction((tx) =>
    keepingHolders(tx, { id, within, now, mayTakeAway }, () => replace(tx)),
  )
  if (!rotated.apiKey) throw new Error('the API key that was rotated is gone')
  await refreshAfterCommit(services)
  const formerVersion = { version: rotated.former, endsAt: rotated.endsAt.toISOString() }
  return { apiKey: apiKeyView(rotated.apiKey, now), secret, formerVersion }
}

/** It never changes, and the secret must be made outside of the transaction. */
async function environmentOf(db: Db, where: { id: string; within: Within }) {
  const apiKey = await findApiKey(db, where)
  if (!apiKey) throw new ServiceError('not_found')
  return apiKey.environment
}

async function endOfFormer(
  tx: Db,
  { id }: Pick<Organization, 'id'>,
  former: { expiresAt: Date | null; versionExpiresAt: Date | null },
  overlapSeconds: number | undefined,
  now: Date,
): Promise<Date> {
  const plan = await planOf(tx, id)
  const endsAt = overlapEnd(former, overlapSeconds, plan, now)
  if (endsAt) return endsAt
  throw new ServiceError('invalid_request', {
    detail: `overlapSeconds is more than the organization's plan allows: ${plan.maxOverlapSeconds}.`,
    extensions: { maxOverlapSeconds: plan.maxOverlapSeconds },
  })
}
