import { type ChangeServices, change, unchanged } from '../access/change.ts'
import { selectLiveKeyIds } from '../access/live-key-queries.ts'
import { keepingLastHolders, organizationLock } from '../access/locks.ts'
import type { Principal } from '../access/principal.ts'
import type { Because } from '../revocation/reasons.ts'
import { addRevocationRule, newRuleId } from '../revocation/rule-queries.ts'
import { switchOn } from '../revocation/switch-on.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { updateOrganizationRow } from './queries.ts'

type Suspending = ChangeServices & Pick<Services, 'config'>

/**
 * Suspends an organization: its keys get no more tokens. An open rule on the revocation list, added in the same
 * transaction, revokes the existing tokens. Repeating it changes nothing. Throws `conflict` when no root key outside
 * the organization works, because then nobody could resume it.
 */
export async function suspendOrganization(
  services: Suspending,
  actor: Principal,
  id: string,
  { reason, text }: Because,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<void> {
  const lock = keepingLastHolders(async () => ({ organizationId: null }), organizationLock(id))
  await change(
    services,
    actor,
    'organizations.suspend',
    lock,
    async (tx, { suspendedAt }, now) => {
      if (suspendedAt) return unchanged(undefined)
      const revocationId = newRuleId()
      const suspendedBy = actor.clientId
      await updateOrganizationRow(tx, id, { suspendedAt: now, suspendedBy, suspendedRuleId: revocationId })
      await addRevocationRule(
        tx,
        {
          id: revocationId,
          kind: 'organization',
          value: id,
          expires: 'never',
          organizationId: id,
          reason,
          reasonText: text,
          actor: actor.clientId,
        },
        services.config.clockToleranceSeconds,
        now,
      )
      const context = { revocationId, text: text ?? null }
      return { view: undefined, event: { type: 'organization.suspended', reason, context } }
    },
    { dryRun },
  )
}

/** What suspending the organization would break. Writes nothing. Throws as `suspendOrganization`. */
export async function trySuspendingOrganization(
  services: Suspending & Pick<Services, 'db'>,
  actor: Principal,
  id: string,
  because: Because,
): Promise<Impact> {
  await suspendOrganization(services, actor, id, because, { dryRun: true })
  const { db, now } = services
  return await whatWouldBreak(db, await selectLiveKeyIds(db, { organizationId: id }), now())
}

/**
 * Resumes a suspended organization: its keys get tokens again. Tokens issued before stay revoked: the open rule is
 * closed, and now covers tokens issued until now, plus a margin for clocks that ran ahead when the organization was
 * suspended. Repeating it changes nothing.
 */
export async function resumeOrganization(services: Suspending, actor: Principal, id: string): Promise<void> {
  await change(
    services,
    actor,
    'organizations.suspend',
    organizationLock(id),
    async (tx, { suspendedAt, suspendedRuleId: ruleId }, now) => {
      if (!suspendedAt) return unchanged(undefined)
      await updateOrganizationRow(tx, id, { suspendedAt: null, suspendedBy: null, suspendedRuleId: null })
      const off = {
        kind: 'organization',
        values: [id],
        ruleIds: ruleId === null ? null : [ruleId],
        organizationId: id,
      } as const
      const tolerance = services.config.clockToleranceSeconds
      const closedRules = await switchOn(tx, off, { tolerance, actor: actor.clientId }, now)
      return { view: undefined, event: { type: 'organization.resumed', context: { closedRules } } }
    },
  )
}
