import { authorize } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import { ServiceError } from '../errors.ts'
import type { Because } from '../revocation/reasons.ts'
import { refreshAfterCommit } from '../revocation/refresh-after-commit.ts'
import { addRevocationRule, closeOpenRules } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { changeAccount } from './operations.ts'
import { findServiceAccount, selectLiveKeyIds, updateServiceAccountRow } from './queries.ts'

type Disabling = Pick<Services, 'config' | 'db' | 'log' | 'now' | 'revocations'>

/**
 * Stops an account: its keys get no tokens any more, and those that live are dead, by an open rule for each of its keys in the same
 * transaction. Repeating it changes nothing. Throws `permission_denied` when the account holds roles that permit more than the caller may
 * do, and `conflict` when nobody could administer the organization or the service afterwards.
 */
export async function disableServiceAccount(
  services: Disabling,
  actor: Principal,
  id: string,
  { reason, text }: Because,
): Promise<void> {
  const within = authorize(actor, 'service_accounts.disable')
  const now = services.now()
  await services.db.transaction(async (tx) => {
    await changeAccount(tx, actor, { id, within, now }, async ({ organizationId, disabledAt }) => {
      if (disabledAt) return // disabled before
      await updateServiceAccountRow(tx, id, { disabledAt: now })
      const keyIds = await selectLiveKeyIds(tx, id)
      const rule = {
        kind: 'api_key',
        effectiveAt: now,
        expires: 'never',
        organizationId,
        reason,
        reasonText: text,
      } as const
      for (const value of keyIds) {
        await addRevocationRule(
          tx,
          { ...rule, value, actor: actor.clientId },
          services.config.clockToleranceSeconds,
          now,
        )
      }
      const context = { apiKeys: keyIds.length, text: text ?? null }
      await appendAuditEvent(
        tx,
        { type: 'service_account.disabled', actor, organizationId, subject: id, reason, context },
        now,
      )
    })
  })
  await refreshAfterCommit(services)
}

/** What disabling the account would break; writes nothing. Throws `not_found`. */
export async function tryDisablingServiceAccount(
  { db, now }: Pick<Services, 'db' | 'now'>,
  actor: Principal,
  id: string,
): Promise<Impact> {
  const within = authorize(actor, 'service_accounts.disable')
  if (!(await findServiceAccount(db, { id, within }))) throw new ServiceError('not_found')
  return await whatWouldBreak(db, await selectLiveKeyIds(db, id), now())
}

/**
 * Lets a disabled account go on: its keys get tokens again, but those that are disabled themselves. Tokens from before stay dead. Repeating
 * it changes nothing.
 */
export async function enableServiceAccount(services: Disabling, actor: Principal, id: string): Promise<void> {
  const within = authorize(actor, 'service_accounts.disable')
  const now = services.now()
  await services.db.transaction(async (tx) => {
    await changeAccount(tx, actor, { id, within, now }, async ({ organizationId, disabledAt }) => {
      if (!disabledAt) return // enabled before
      await updateServiceAccountRow(tx, id, { disabledAt: null })
      const keyIds = await selectLiveKeyIds(tx, id)
      for (const value of keyIds) {
        const name = { kind: 'api_key', value, effectiveAt: disabledAt } as const
        await closeOpenRules(tx, name, services.config.clockToleranceSeconds, now)
      }
      const event = {
        type: 'service_account.enabled',
        actor,
        organizationId,
        subject: id,
        context: { apiKeys: keyIds.length },
      } as const
      await appendAuditEvent(tx, event, now)
    })
  })
  await refreshAfterCommit(services)
}
