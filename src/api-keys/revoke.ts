import { authorize } from '../access/authorize.ts'
import { type ChangeServices, change, keyHolder, unchanged } from '../access/change.ts'
import type { Principal } from '../access/principal.ts'
import { countHolders, type Holders } from '../access/queries.ts'
import { invalidRequest, ServiceError } from '../errors.ts'
import type { Because } from '../revocation/reasons.ts'
import { addRevocationRule } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { endingLock } from './lock.ts'
import type { StoredApiKey } from './queries.ts'
import { findApiKeyByHashes, markApiKeyRevoked, type RevocationTime } from './revoke-queries.ts'
import { isRevoked } from './status.ts'

export type RevokingServices = ChangeServices & Pick<Services, 'config'>

/** The reason, and when it takes effect: a future time, or now if absent. */
export type Revocation = Because & { readonly at?: Date | undefined }

type Ending = { readonly force?: boolean | undefined; readonly dryRun?: boolean }

/**
 * Revokes a key and all of its tokens, now or from `at` on. The mark, the rule on the revocation list and the event are
 * one transaction. Repeating it changes nothing: the first time and reason stay, and no second event is written. A
 * planned revocation can be brought forward but not postponed. When it returns, this process refuses the key's tokens;
 * other readers follow within their staleness limit.
 *
 * Throws `invalid_request` for a time in the past, `not_found`, `permission_denied` for a root key unless the caller is
 * root or the key itself, `conflict` when the key will be revoked before `at`, and without `force` also for the last
 * root key or the last administrator.
 */
export async function revokeApiKey(
  services: RevokingServices,
  actor: Principal,
  id: string,
  { force = false, dryRun = false, ...revocation }: Revocation & Ending,
): Promise<void> {
  await endApiKey(services, actor, { id, permission: 'api_keys.revoke', force, dryRun }, revocation)
}

/**
 * A key may always revoke itself, whatever its roles, even the last root key: it may have leaked. Otherwise as
 * `revokeApiKey`.
 */
export async function revokeOwnApiKey(
  services: RevokingServices,
  actor: Principal,
  revocation: Revocation,
): Promise<void> {
  await endApiKey(services, actor, { id: actor.clientId, permission: keyHolder, force: true }, revocation)
}

/** What revoking the calling key breaks, and whether nobody could manage the service or its organization afterwards. */
export type OwnRevocationImpact = Impact & { lastRootKey: boolean; lastAdministrator: boolean }

/** What `revokeOwnApiKey` would break. Writes nothing. */
export async function tryRevokingOwnApiKey(
  services: RevokingServices & Pick<Services, 'db'>,
  actor: Principal,
): Promise<OwnRevocationImpact> {
  const id = actor.clientId
  const last = await change(
    services,
    actor,
    keyHolder,
    endingLock(id, true),
    async (tx, { organizationId }, now) => {
      const before = await countHolders(tx, organizationId, now)
      await markApiKeyRevoked(tx, id, { reason: 'other', by: actor.clientId }, { at: now, planned: false })
      const after = await countHolders(tx, organizationId, now)
      const isLost = (holders: keyof Holders) => before[holders] > 0 && after[holders] === 0
      return unchanged({ lastRootKey: isLost('roots'), lastAdministrator: isLost('admins') })
    },
    { dryRun: true },
  )
  return { ...(await whatWouldBreak(services.db, [id], services.now())), ...last }
}

/** What revoking the key would break; writes nothing. Throws as `revokeApiKey`. */
export async function tryRevokingApiKey(
  services: RevokingServices & Pick<Services, 'db'>,
  actor: Principal,
  id: string,
  revocation: Revocation & Pick<Ending, 'force'> = { reason: 'other' },
): Promise<Impact> {
  await revokeApiKey(services, actor, id, { ...revocation, dryRun: true })
  return await whatWouldBreak(services.db, [id], services.now())
}

/** Hashes of a leaked secret, base64url. The caller computes them, so that the secret itself is not sent again. */
type LeakedSecret = { readonly sha256: string; readonly blake3?: string | undefined }

/** The id of the key whose secret leaked, whatever its status. Throws `not_found`. */
export async function findLeakedApiKey(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  { sha256, blake3 }: LeakedSecret,
): Promise<string> {
  const within = authorize(actor, 'api_keys.read')
  const id = await findApiKeyByHashes(db, { hashes: blake3 === undefined ? [sha256] : [sha256, blake3], within })
  if (id === undefined) throw new ServiceError('not_found')
  return id
}

/** Throws `invalid_request` for a time in the past: tokens issued since then were valid. */
export function revocationTime({ at = undefined }: { at?: Date | undefined }, now: Date): RevocationTime {
  if (at !== undefined && at < now) throw invalidRequest('at is in the past. Leave it out to revoke now.')
  return { at: at ?? now, planned: at !== undefined && at > now }
}

type EndOfKey = { id: string; permission: 'api_keys.revoke' | typeof keyHolder; force: boolean; dryRun?: boolean }

async function endApiKey(
  services: RevokingServices,
  actor: Principal,
  { id, permission, force, dryRun = false }: EndOfKey,
  { reason, text, ...when }: Revocation,
): Promise<void> {
  await change(
    services,
    actor,
    permission,
    endingLock(id, force),
    async (tx, apiKey, now) => {
      const { at, planned } = revocationTime(when, now)
      if (!(await markApiKeyRevoked(tx, id, { reason, text, by: actor.clientId }, { at, planned }))) {
        refuseToPostpone(apiKey, { at, now })
        return unchanged(undefined)
      }
      const rule = { kind: 'api_key', value: id, effectiveAt: planned ? at : undefined, expires: 'when_dead' } as const
      const because = { organizationId: apiKey.organizationId, reason, reasonText: text, actor: actor.clientId }
      const tolerance = services.config.clockToleranceSeconds
      const revocationId = await addRevocationRule(tx, { ...rule, ...because }, tolerance, now)
      const context = { revocationId, effectiveAt: at.toISOString(), text: text ?? null }
      return { view: undefined, event: { type: 'api_key.revoked', reason, context } }
    },
    { dryRun },
  )
}

/** A key that is revoked already, or will be at exactly this time, needs no change. */
function refuseToPostpone(apiKey: StoredApiKey, { at, now }: { at: Date; now: Date }): void {
  const { revokedAt } = apiKey
  if (revokedAt === null || isRevoked(apiKey, now) || revokedAt >= at) return
  throw new ServiceError('conflict', {
    detail: `The key will be revoked earlier, at ${revokedAt.toISOString()}. A revocation can be brought forward, but not postponed.`,
  })
}
