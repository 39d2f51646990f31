import { authorize, type Within } from '../access/authorize.ts'
import { keepLastHolders } from '../access/last-holders.ts'
import type { Principal } from '../access/principal.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import { ServiceError } from '../errors.ts'
import type { Because } from '../revocation/reasons.ts'
import { refreshAfterCommit } from '../revocation/refresh-after-commit.ts'
import { addRevocationRule } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { refuseRootOfOthers } from './lock.ts'
import { findApiKey } from './queries.ts'
import { findApiKeyByHashes, markApiKeyRevoked } from './revoke-queries.ts'

export type RevokingServices = Pick<Services, 'config' | 'db' | 'log' | 'now' | 'revocations'>

/** Why, and from when: absent = now, otherwise an instant ahead, after which no token of the key is alive. */
export type Revocation = Because & { readonly at?: Date | undefined }

/**
 * Ends a key and every token that it made, now or from `at` on: the mark, the rule on the revocation list and the event are one
 * transaction. Repeating it changes nothing: the first instant and reason stay, and no second event is written; an instant that was planned
 * is brought forward, never put off. When it returns, this process refuses the key's tokens; other readers follow within their bound.
 *
 * Throws `invalid_request` for an instant behind, `not_found`, `permission_denied` for a root key of others, `conflict` when the key is to
 * be revoked before `at` already, and for the last root key and the last one that can administer its organization, unless `force` says that
 * this is meant.
 */
export async function revokeApiKey(
  services: RevokingServices,
  actor: Principal,
  id: string,
  { force = false, ...revocation }: Revocation & { readonly force?: boolean | undefined },
): Promise<void> {
  const within = authorize(actor, 'api_keys.revoke') // the organizations this actor may touch, or throws
  await endApiKey(services, actor, { id, within }, revocation, force)
}

/** The holder of a key may always end it, whatever its roles, the last root key too: it may have leaked. Otherwise as `revokeApiKey`. */
export async function revokeOwnApiKey(
  services: RevokingServices,
  actor: Principal,
  revocation: Revocation,
): Promise<void> {
  await endApiKey(services, actor, { id: actor.clientId, within: 'everywhere' }, revocation, true)
}

/** What revoking the key would break; writes nothing. Throws `not_found`. */
export async function tryRevokingApiKey(
  { db, now }: Pick<Services, 'db' | 'now'>,
  actor: Principal,
  id: string,
): Promise<Impact> {
  const within = authorize(actor, 'api_keys.revoke')
  if (!(await findApiKey(db, { id, within }))) throw new ServiceError('not_found')
  return await whatWouldBreak(db, [id], now())
}

/** Hashes of a secret that leaked, base64url: whoever has it computes them, so that the secret itself need not travel once more. */
export type LeakedSecret = { readonly sha256: string; readonly blake3?: string | undefined }

/** The id of the key whose secret leaked, dead or alive. Throws `not_found`. */
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

/** The instant from which keys are to be dead. Throws `invalid_request` for one that lies behind: what was minted since then was good. */
export function instantOf({ at = undefined }: { at?: Date | undefined }, now: Date): Date {
  if (at !== undefined && at < now)
    throw new ServiceError('invalid_request', { detail: 'at is in the past. Leave it out to revoke now.' })
  return at ?? now
}

async function endApiKey(
  services: RevokingServices,
  actor: Principal,
  where: { id: string; within: Within },
  { reason, text, ...when }: Revocation,
  force: boolean,
): Promise<void> {
  const now = services.now()
  const at = instantOf(when, now)
  await services.db.transaction(async (tx) => {
    const apiKey = await findApiKey(tx, where)
    if (!apiKey) throw new ServiceError('not_found') // not theirs and not there look the same
    refuseRootOfOthers(actor, apiKey)
    const { id, organizationId } = apiKey
    const mark = () => markApiKeyRevoked(tx, id, { reason, text }, at)
    if (!(await keepLastHolders(tx, { organizationId, now, force }, mark))) return refuseToPutOff(apiKey, { at, now })
    const revocationId = await addRevocationRule(
      tx,
      {
        kind: 'api_key',
        value: id,
        effectiveAt: at,
        expires: 'when_dead',
        organizationId,
        reason,
        reasonText: text,
        actor: actor.clientId,
      },
      services.config.clockToleranceSeconds,
      now,
    )
    const context = { revocationId, effectiveAt: at.toISOString(), text: text ?? null }
    await appendAuditEvent(tx, { type: 'api_key.revoked', actor, organizationId, subject: id, reason, context }, now) // last: it takes the trail's lock
  })
  await refreshAfterCommit(services)
}

/** Revoked before, or to be revoked at this very instant, is as good as done. */
function refuseToPutOff({ revokedAt }: { revokedAt: Date | null }, { at, now }: { at: Date; now: Date }): void {
  if (revokedAt === null || revokedAt <= now || revokedAt >= at) return
  throw new ServiceError('conflict', {
    detail: `The key is to be revoked before that already, at ${revokedAt.toISOString()}.`,
  })
}
