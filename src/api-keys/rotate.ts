import { authorize, type Within } from '../access/authorize.ts'
import { type Change, type ChangeServices, change, keyHolder, type Lock } from '../access/change.ts'
import type { Principal } from '../access/principal.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { type Organization, planOf } from '../organizations/queries.ts'
import { newRuleId } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { admitApiKey, signingKeyCheck, withinForAccount } from './admission.ts'
import { storeApiKey } from './change-queries.ts'
import { endTokensOfVersions, endTokensWithKey, isBroughtForward } from './end-tokens.ts'
import { apiKeyLock, type LockedApiKey, readChangedApiKey, requireNewestSecret, settingsLock } from './lock.ts'
import { widerTokensUntil } from './narrowing.ts'
import { overlapEnd } from './overlap.ts'
import { findApiKey } from './queries.ts'
import { reachOf, restrictedBy } from './restriction-reach.ts'
import { createSecret } from './secret.ts'
import type { ApiKeyChange, ApiKeyDraft } from './settings.ts'
import { changedDraft, changesOf } from './settings.ts'
import { endVersions, insertVersion, overlapVersion } from './version-queries.ts'
import type { ApiKeyView } from './view.ts'

type RotatingServices = ChangeServices & Pick<Services, 'config' | 'db' | 'keyring' | 'platform'>

type Rotation = {
  /** How long the previous version keeps working; 0 = not at all, absent = the plan's default. */
  readonly overlapSeconds?: number | undefined
  /** New settings, for all versions of the key; absent members stay unchanged. */
  readonly change?: ApiKeyChange
}

/** The secret is shown only here. */
export type RotatedApiKey = {
  apiKey: ApiKeyView
  secret: string
  formerVersion: { version: number; endsAt: string }
  /** Until then, earlier tokens may hold what changed settings took away. Null: nothing was taken away. */
  widerTokensUntil: string | null
}

/** What a rotation breaks at once: `apiKeys` is 0 if every secret keeps working as long as before the rotation. */
export type RotationImpact = Impact & Pick<RotatedApiKey, 'formerVersion'>

/**
 * Gives a key a new secret, as its next version. The previous version works until the overlap or the key ends, to the
 * millisecond, and its tokens end with it. A version that is still overlapping from an earlier rotation ends at once:
 * at most two secrets work at a time. Id, history and usage stay. Repeating it rotates again.
 *
 * Throws `not_found`, `conflict` for a dead key, `invalid_request` for an overlap that the plan does not allow,
 * `permission_denied` for a key that holds more than the caller and for the caller's own key unless it sent the newest
 * secret, `lifetime_not_allowed` for a key that the rotation widens or prolongs beyond the organization's policy.
 */
export async function rotateApiKey(
  services: RotatingServices,
  actor: Principal,
  id: string,
  rotation: Rotation,
): Promise<RotatedApiKey> {
  return (await rotateOther(services, actor, id, rotation)).rotated
}

/** What `rotateApiKey` would break at once. Writes nothing. Throws the same. */
export async function tryRotatingApiKey(
  services: RotatingServices,
  actor: Principal,
  id: string,
  rotation: Rotation,
): Promise<RotationImpact> {
  return await impactOf(services, id, await rotateOther(services, actor, id, rotation, { dryRun: true }))
}

async function rotateOther(
  services: RotatingServices,
  actor: Principal,
  id: string,
  { overlapSeconds, change: settings = {} }: Rotation,
  { dryRun = false } = {},
): Promise<Rotated> {
  const within = authorize(actor, 'api_keys.rotate')
  const accountsWithin = withinForAccount(actor, settings, within)
  const requireSigningKey = await signingKeyCheck(services, settings.tokenAlgorithm)
  const target = { id, within, permission: 'api_keys.rotate', lock: settingsLock(id, settings), dryRun } as const
  return await rotate(services, actor, target, overlapSeconds, async (tx, { apiKey, organization }, now) => {
    requireSigningKey()
    requireNewestSecret(actor, apiKey, 'rotate it')
    const draft = changedDraft(apiKey, settings, now, services.config)
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
  rotation: Pick<Rotation, 'overlapSeconds'>,
): Promise<RotatedApiKey> {
  return (await rotateOwn(services, actor, rotation)).rotated
}

/** What `rotateOwnApiKey` would break at once. Writes nothing. Throws the same. */
export async function tryRotatingOwnApiKey(
  services: RotatingServices,
  actor: Principal,
  rotation: Pick<Rotation, 'overlapSeconds'>,
): Promise<RotationImpact> {
  return await impactOf(services, actor.clientId, await rotateOwn(services, actor, rotation, { dryRun: true }))
}

async function rotateOwn(
  services: RotatingServices,
  actor: Principal,
  { overlapSeconds }: Pick<Rotation, 'overlapSeconds'>,
  { dryRun = false } = {},
): Promise<Rotated> {
  const id = actor.clientId
  const target = { id, within: 'everywhere', permission: keyHolder, lock: apiKeyLock(id), dryRun } as const
  return await rotate(services, actor, target, overlapSeconds, async (_, { apiKey }) => {
    requireNewestSecret(actor, apiKey, 'rotate it')
    return apiKey
  })
}

type Target = {
  readonly id: string
  readonly within: Within
  readonly permission: 'api_keys.rotate' | typeof keyHolder
  readonly lock: Lock<LockedApiKey>
  readonly dryRun: boolean
}

/**
 * `endsNow`: the versions that stop working at once. `endsAt`: when the whole key does, if that was brought forward.
 */
type Rotated = { readonly rotated: RotatedApiKey; readonly endsNow: readonly number[]; readonly endsAt: Date | null }

async function rotate(
  services: RotatingServices,
  actor: Principal,
  { id, within, permission, lock, dryRun }: Target,
  overlapSeconds: number | undefined,
  admit: (tx: Db, locked: LockedApiKey, now: Date) => Promise<ApiKeyDraft>,
): Promise<Rotated> {
  const environment = await environmentOf(services.db, { id, within })
  const { secret, stored } = await createSecret(services, environment)
  const longestTokenSeconds = await services.keyring.longestTokenSeconds() // before the transaction: it may read
  const rotateLocked = async (tx: Db, locked: LockedApiKey, now: Date): Promise<Change<Rotated>> => {
    const { apiKey: previous, organization } = locked
    const draft = await admit(tx, locked, now)
    const changes = changesOf(previous, draft)
    const ends = { expiresAt: draft.expiresAt, versionExpiresAt: previous.versionExpiresAt }
    const endsAt = await endOfPrevious(tx, organization, ends, overlapSeconds, now)
    const { environment: _, ...settings } = draft
    const changed = { ...settings, ...restrictedBy(actor, previous, draft) }
    if (Object.keys(changes).length > 0) await storeApiKey(tx, id, changed)
    const version = await insertVersion(tx, id, stored, now)
    const about = { id, organizationId: organization.id, actor }
    const ended = { ...about, reason: 'rotated', version: previous.version, endsAt }
    const endsNow = await endPrevious(tx, services, ended, now)
    await endTokensWithKey(tx, services, { ...about, previous, expiresAt: draft.expiresAt }, now)
    const formerVersion = { version: previous.version, endsAt: endsAt.toISOString() }
    const wider = endsAt > now ? widerTokensUntil(previous, draft, { now, longestTokenSeconds, endsAt }) : null
    const rotated = { apiKey: await readChangedApiKey(tx, id, now), secret, formerVersion, widerTokensUntil: wider }
    const keyEndsAt = isBroughtForward(previous.expiresAt, draft.expiresAt) ? draft.expiresAt : null
    return {
      view: { rotated, endsNow, endsAt: keyEndsAt },
      event: {
        type: 'api_key.rotated',
        context: { version, former: previous.version, formerEndsAt: formerVersion.endsAt, changes },
      },
    }
  }
  return await change(services, actor, permission, lock, rotateLocked, { dryRun })
}

async function impactOf(
  { db, now }: Pick<Services, 'db' | 'now'>,
  id: string,
  { rotated: { formerVersion }, endsNow, endsAt }: Rotated,
): Promise<RotationImpact> {
  const impact =
    endsAt && endsNow.length === 0
      ? await whatWouldBreak(db, [id], endsAt)
      : await whatWouldBreak(db, endsNow.length === 0 ? [] : [id], now(), endsAt ? undefined : endsNow)
  return { ...impact, formerVersion }
}

type Ended = { id: string; organizationId: string; actor: Principal; reason: string; version: number; endsAt: Date }

/** Older versions end now, the previous one at `endsAt`; each with its tokens. Returns those that end now. */
async function endPrevious(
  tx: Db,
  services: Pick<Services, 'config'>,
  { endsAt, ...ended }: Ended,
  now: Date,
): Promise<number[]> {
  const { id, version } = ended
  const older = await endVersions(tx, id, version - 1, now)
  const isPlanned = endsAt > now
  const ruleId = newRuleId()
  const replacedReach = reachOf(ended.actor, 'api_keys.rotate')
  await overlapVersion(tx, id, { version, end: endsAt, ended: !isPlanned, rotationRuleId: ruleId, replacedReach })
  if (older.length > 0) await endTokensOfVersions(tx, services, { ...ended, version: version - 1 }, now)
  await endTokensOfVersions(tx, services, { ...ended, ruleId, at: isPlanned ? endsAt : undefined }, now)
  return isPlanned ? older : [...older, version]
}

/** Read before the transaction, because the secret is created outside of it. A key's environment never changes. */
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
