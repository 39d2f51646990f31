import { authorize } from '../access/authorize.ts'
import { keepLastHolders } from '../access/last-holders.ts'
import type { Principal } from '../access/principal.ts'
import { lockOrganization } from '../access/queries.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import { ServiceError } from '../errors.ts'
import type { Because } from '../revocation/reasons.ts'
import { refreshAfterCommit } from '../revocation/refresh-after-commit.ts'
import { addRevocationRule, closeOpenRules } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { findOrganization, selectLiveKeyIds, updateOrganizationRow } from './queries.ts'

type Suspending = Pick<Services, 'config' | 'db' | 'log' | 'now' | 'revocations'>

/**
 * Stops an organization: its keys get no tokens any more, and those that live are dead, by an open rule on the revocation list in the same
 * transaction. Repeating it changes nothing. Throws `conflict` when no root key outside of the organization works: nobody could resume it.
 */
export async function suspendOrganization(
  services: Suspending,
  actor: Principal,
  id: string,
  { reason, text }: Because,
): Promise<void> {
  const within = authorize(actor, 'organizations.suspend')
  const now = services.now()
  await services.db.transaction(async (tx) => {
    await keepLastHolders(tx, { organizationId: null, now }, async () => {
      const organization = await lockOrganization(tx, { id, within })
      if (!organization) throw new ServiceError('not_found')
      if (organization.suspendedAt) return // suspended before
      await updateOrganizationRow(tx, id, { suspendedAt: now })
      const rule = { kind: 'organization', value: id, effectiveAt: now, expires: 'never', organizationId: id } as const
      const tolerance = services.config.clockToleranceSeconds
      const revocationId = await addRevocationRule(
        tx,
        { ...rule, reason, reasonText: text, actor: actor.clientId },
        tolerance,
        now,
      )
      const event = {
        type: 'organization.suspended',
        actor,
        organizationId: id,
        subject: id,
        reason,
        context: { revocationId, text: text ?? null },
      } as const
      await appendAuditEvent(tx, event, now)
    })
  })
  await refreshAfterCommit(services)
}

/** What suspending the organization would break; writes nothing. Throws `not_found`. */
export async function trySuspendingOrganization(
  { db, now }: Pick<Services, 'db' | 'now'>,
  actor: Principal,
  id: string,
): Promise<Impact> {
  const within = authorize(actor, 'organizations.suspend')
  if (!(await findOrganization(db, { id, within }))) throw new ServiceError('not_found')
  return await whatWouldBreak(db, await selectLiveKeyIds(db, id), now())
}

/**
 * Lets a suspended organization go on: its keys get tokens again. Tokens from before stay dead: the open rule becomes one on what was issued
 * until now, and by clocks that ran ahead when it was suspended. Repeating it changes nothing.
 */
export async function resumeOrganization(services: Suspending, actor: Principal, id: string): Promise<void> {
  const within = authorize(actor, 'organizations.suspend')
  const now = services.now()
  await services.db.transaction(async (tx) => {
    const organization = await lockOrganization(tx, { id, within })
    if (!organization) throw new ServiceError('not_found')
    if (!organization.suspendedAt) return // resumed before
    await updateOrganizationRow(tx, id, { suspendedAt: null })
    const name = { kind: 'organization', value: id, effectiveAt: organization.suspendedAt } as const
    const closedRules = await closeOpenRules(tx, name, services.config.clockToleranceSeconds, now)
    await appendAuditEvent(
      tx,
      { type: 'organization.resumed', actor, organizationId: id, subject: id, context: { closedRules } },
      now,
    )
  })
  await refreshAfterCommit(services)
}
