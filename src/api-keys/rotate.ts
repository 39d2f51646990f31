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
import { keepingHolders, lockApiKey } from './lock.ts'
import { overlapEnd } from './overlap.ts'
import { findApiKey } from './queries.ts'
import { createSecret } from './secret.ts'
import type { ApiKeyChange, ApiKeyDraft } from './settings.ts'
import { changedDraft, changesOf } from './settings.ts'
import { endVersions, insertVersion } from './version-queries.ts'
import { type ApiKeyView, apiKeyView } from './view.ts'

type RotatingServices = Pick<
  Services,
  'config' | 'db' | 'keyring' | 'log' | 'now' | 'platform' | 'revocations' | 'transaction'
>

export type Rotation = {
  /** How long the previous version keeps working; 0 = not at all, absent = the plan's default. */
  readonly overlapSeconds?: number | undefined
  /** New settings, for all versions of the key; absent members stay unchanged. */
  readonly change?: ApiKeyChange
}

/** The secret is shown only here. */
export type RotatedApiKey = { apiKey: ApiKeyView; secret: string; formerVersion: { version: number; endsAt: string } }

/**
 * Gives a key a new secret, as its next version. The previous version works until the overlap or the key ends, to the
 * millisecond, and its tokens end with it. A version that is still overlapping from an earlier rotation ends at once:
 * at most two secrets work at a time. Id, history and usage stay. Repeating it rotates again.
 *
 * Throws `not_found`, `conflict` for a dead key, `invalid_request` for an overlap that the plan does not allow,
 * `permission_denied` for a key that holds more than the caller, `lifetime_not_allowed` when the result would break the
 * organization's policy.
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
    await admitApiKey(tx, actor, { draft, previous: apiKey, organization, accountsWithin, showsSecret: true }, now)
    return draft
  })
}

/**
 * Rotates the calling key itself, whatever its roles; its settings stay. Only the newest secret may do this, so that a
 * leaked token or previous secret cannot extend its own life: anything else is `permission_denied`. Otherwise as
 * `rotateApiKey`.
 */
export async function rotateOwnApiKey(
  services: RotatingServices,
  actor: Principal,
  { overlapSeconds }: Pick<Rotation, 'overlapSeconds'>,
): Promise<RotatedApiKey> {
  const where = { id: actor.clientId, within: 'everywhere', overlapSeconds, mayTakeAway: false } as const
  return await rotate(services, actor, where, async (_, { apiKey, organization }, now) => {
    if (actor.apiKeyVersion !== apiKey.version) {
      throw new ServiceError('permission_denied', {
        detail: 'Only the newest secret of the key may rotate it. Send the newest secret.',
      })
    }
    requireLifetime(apiKey, organization, now)
    return apiKey
  })
}

type LockedApiKey = Awaited<ReturnType<typeof lockApiKey>>

async function rotate(
  services: RotatingServices,
  actor: Principal,
  target: { id: string; within: Within; overlapSeconds: number | undefined; mayTakeAway: boolean },
  admit: (tx: Db, locked: LockedApiKey, now: Date) => Promise<ApiKeyDraft>,
): Promise<RotatedApiKey> {
  const { id, within, overlapSeconds, mayTakeAway } = target
  const now = services.now()
  const environment = await environmentOf(services.db, { id, within })
  const { secret, stored } = await createSecret(services, environment)
  const replace = async (tx: Db) => {
    const locked = await lockApiKey(tx, { id, within }, now)
    const { apiKey: previous, organization } = locked
    const draft = await admit(tx, locked, now)
    const changes = changesOf(previous, draft)
    const endsAt = await endOfPrevious(
      tx,
      organization,
      { ...previous, expiresAt: draft.expiresAt },
      overlapSeconds,
      now,
    )
    const { environment: _, ...settings } = draft
    if (Object.keys(changes).length > 0) await storeApiKey(tx, id, settings)
    await endTokensWithKey(
      tx,
      services,
      { id, organizationId: organization.id, actor, previous, expiresAt: draft.expiresAt },
      now,
    )
    const ended = { id, organizationId: organization.id, reason: 'rotated', actor }
    const older = await endVersions(tx, id, previous.version - 1, now)
    if (older.length > 0)
      await endTokensOfVersions(tx, services, { ...ended, version: previous.version - 1, at: now }, now)
    await endVersions(tx, id, previous.version, endsAt)
    await endTokensOfVersions(tx, services, { ...ended, version: previous.version, at: endsAt }, now)
    const version = previous.version + 1
    await insertVersion(tx, id, version, stored, now)
    const context = { version, former: previous.version, formerEndsAt: endsAt.toISOString(), changes }
    await appendAuditEvent(
      tx,
      { type: 'api_key.rotated', actor, organizationId: organization.id, subject: id, context },
      now,
    )
    return { apiKey: await findApiKey(tx, { id, within: 'everywhere' }), previous: previous.version, endsAt }
  }
  const rotated = await services.transaction((tx) =>
    keepingHolders(tx, { id, within, now, mayTakeAway }, () => replace(tx)),
  )
  if (!rotated.apiKey) throw new Error('the API key that was rotated is gone')
  await refreshAfterCommit(services)
  const formerVersion = { version: rotated.previous, endsAt: rotated.endsAt.toISOString() }
  return { apiKey: apiKeyView(rotated.apiKey, now), secret, formerVersion }
}

/** Read before the transaction, outside of which the secret is made. An environment never changes. */
async function environmentOf(db: Db, where: { id: string; within: Within }) {
  const apiKey = await findApiKey(db, where)
  if (!apiKey) throw new ServiceError('not_found')
  return apiKey.environment
}

async function endOfPrevious(
  tx: Db,
  { id }: Pick<Organization, 'id'>,
  previous: { expiresAt: Date | null; versionExpiresAt: Date | null },
  overlapSeconds: number | undefined,
  now: Date,
): Promise<Date> {
  const plan = await planOf(tx, id)
  const endsAt = overlapEnd(previous, overlapSeconds, plan, now)
  if (endsAt) return endsAt
  throw new ServiceError('invalid_request', {
    detail: `overlapSeconds is longer than the organization's plan allows: ${plan.maxOverlapSeconds}.`,
    extensions: { maxOverlapSeconds: plan.maxOverlapSeconds },
  })
}
