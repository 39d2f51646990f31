import { authorize } from '../access/authorize.ts'
import { type Change, type ChangeServices, change, keyHolder } from '../access/change.ts'
import type { Principal } from '../access/principal.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { liftRevocationRule } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { admitApiKey } from './admission.ts'
import { endTokensOfVersions } from './end-tokens.ts'
import { apiKeyLock, type LockedApiKey, readChangedApiKey, requireNewestSecret } from './lock.ts'
import { requireReachToCancel } from './restriction-reach.ts'
import { cancelVersion, findReplacedVersion } from './version-queries.ts'
import type { ApiKeyView } from './view.ts'

type CancellingServices = ChangeServices & Pick<Services, 'config'>

/** The newest version again is `newestVersion`; its `endsAt` is null if it ends with the key. */
export type CancelledRotation = {
  apiKey: ApiKeyView
  cancelledVersion: number
  newestVersion: { version: number; endsAt: string | null }
}

/** `endsCaller`: the caller's own key, which only the version that ends may do this to. */
export type CancellationImpact = Impact & Omit<CancelledRotation, 'apiKey'> & { endsCaller: boolean }

/**
 * Takes the latest rotation of a key back while its overlap lasts. The new version and its tokens end now, for good. The
 * version that it replaced is the newest again, with its tokens and with the end that it had before. Settings that the
 * rotation changed stay. The number of the cancelled version is not used again.
 *
 * Needs what rotating needs, and at least the reach of the caller who rotated, because the previous secret works for
 * longer. Throws `not_found`, `conflict` for a dead key and if no previous version works any more, `permission_denied`
 * for a key that holds more than the caller, and for the caller's own key unless it sent the newest secret.
 */
export async function cancelRotation(
  services: CancellingServices,
  actor: Principal,
  id: string,
): Promise<CancelledRotation> {
  return await cancel(services, actor, anyKey(actor, id, { dryRun: false }))
}

/** What `cancelRotation` would break. Writes nothing. Throws the same. */
export async function tryCancellingRotation(
  services: CancellingServices & Pick<Services, 'db'>,
  actor: Principal,
  id: string,
): Promise<CancellationImpact> {
  return await impactOf(services, actor, await cancel(services, actor, anyKey(actor, id, { dryRun: true })))
}

/**
 * As `cancelRotation`, for the calling key itself, whatever its roles. Only the newest secret may do this, so that a
 * previous secret cannot prolong its own life: anything else is `permission_denied`. The caller's secret ends.
 */
export async function cancelOwnRotation(services: CancellingServices, actor: Principal): Promise<CancelledRotation> {
  return await cancel(services, actor, ownKey(actor, { dryRun: false }))
}

/** What `cancelOwnRotation` would break. Writes nothing. Throws the same. */
export async function tryCancellingOwnRotation(
  services: CancellingServices & Pick<Services, 'db'>,
  actor: Principal,
): Promise<CancellationImpact> {
  return await impactOf(services, actor, await cancel(services, actor, ownKey(actor, { dryRun: true })))
}

type Target = {
  readonly id: string
  readonly permission: 'api_keys.rotate' | typeof keyHolder
  readonly dryRun: boolean
  readonly admit: (tx: Db, locked: LockedApiKey, now: Date) => Promise<void>
}

function anyKey(actor: Principal, id: string, { dryRun }: Pick<Target, 'dryRun'>): Target {
  const accountsWithin = authorize(actor, 'api_keys.rotate')
  return {
    id,
    permission: 'api_keys.rotate',
    dryRun,
    async admit(tx, { apiKey, organization }, now) {
      requireNewestSecret(actor, apiKey, 'cancel its rotation')
      const admission = { draft: apiKey, previous: apiKey, organization, accountsWithin, showsSecret: true }
      await admitApiKey(tx, actor, admission, now)
    },
  }
}

function ownKey(actor: Principal, { dryRun }: Pick<Target, 'dryRun'>): Target {
  return {
    id: actor.clientId,
    permission: keyHolder,
    dryRun,
    admit: async (_, { apiKey }) => requireNewestSecret(actor, apiKey, 'cancel its rotation'),
  }
}

async function cancel(
  services: CancellingServices,
  actor: Principal,
  { id, permission, dryRun, admit }: Target,
): Promise<CancelledRotation> {
  const decide = async (tx: Db, locked: LockedApiKey, now: Date): Promise<Change<CancelledRotation>> => {
    const { apiKey, organization } = locked
    await admit(tx, locked, now)
    const cancelled = { version: apiKey.version, createdAt: apiKey.versionCreatedAt }
    const restored = await findOverlapping(tx, apiKey, now)
    requireReachToCancel(actor, restored)
    await cancelVersion(tx, id, { cancelled, restored: restored.version }, now)
    if (restored.rotationRuleId !== null) await liftRevocationRule(tx, restored.rotationRuleId, now)
    const versions = { first: cancelled.version, version: cancelled.version }
    const ended = { id, organizationId: organization.id, ...versions, reason: 'rotation cancelled', actor }
    await endTokensOfVersions(tx, services, ended, now)
    const endsAt = restored.expiresAtBeforeRotation?.toISOString() ?? null
    return {
      view: {
        apiKey: await readChangedApiKey(tx, id, now),
        cancelledVersion: cancelled.version,
        newestVersion: { version: restored.version, endsAt },
      },
      event: {
        type: 'api_key.rotation_cancelled',
        context: { version: cancelled.version, newest: restored.version, newestEndsAt: endsAt },
      },
    }
  }
  return await change(services, actor, permission, apiKeyLock(id), decide, { dryRun })
}

async function impactOf(
  { db, now }: Pick<Services, 'db' | 'now'>,
  { clientId }: Principal,
  { apiKey: { id }, ...cancelled }: CancelledRotation,
): Promise<CancellationImpact> {
  const impact = await whatWouldBreak(db, [id], now(), [cancelled.cancelledVersion])
  return { ...impact, ...cancelled, endsCaller: clientId === id }
}

/**
 * The version that the newest one replaced, if it works until an overlap ends. Throws `conflict`. An instance whose clock
 * is ahead may have ended it at a time that is still to come here, so its `ended` counts too.
 */
async function findOverlapping(tx: Db, { id, version }: { id: string; version: number }, now: Date) {
  const replaced = await findReplacedVersion(tx, id, version)
  const end = replaced?.expiresAt
  if (!replaced || !end) throw notCancellable('No earlier version of this key works.')
  if (!replaced.ended && end > now) return replaced
  throw notCancellable(`The overlap has ended: version ${replaced.version} stopped working at ${end.toISOString()}.`)
}

function notCancellable(why: string): ServiceError {
  return new ServiceError('conflict', {
    detail: `${why} A rotation can be cancelled only during its overlap. Rotate the key again instead.`,
  })
}
