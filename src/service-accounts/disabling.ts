import { change, unchanged } from '../access/change.ts'
import { reachOf, requireReachToEnable, widensDisabling } from '../access/disabled-reach.ts'
import { selectLiveKeyIds } from '../access/live-key-queries.ts'
import type { Principal } from '../access/principal.ts'
import type { Because } from '../revocation/reasons.ts'
import { addRevocationRules, newRuleId } from '../revocation/rule-queries.ts'
import { switchOn } from '../revocation/switch-on.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { accountLock } from './lock.ts'
import { updateServiceAccountRow } from './queries.ts'

type Disabling = Pick<Services, 'config' | 'log' | 'now' | 'revocations' | 'transaction'>

/**
 * Disables an account: its keys get no more tokens. An open rule for each key, added in the same transaction, revokes
 * the existing tokens. Repeating it with a wider reach records that reach, and otherwise changes nothing. Throws
 * `permission_denied` when the account's roles permit more than the caller may do, and `conflict` when nobody could
 * administer the organization or the service afterwards.
 */
export async function disableServiceAccount(
  services: Disabling,
  actor: Principal,
  id: string,
  { reason, text }: Because,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<void> {
  await change(
    services,
    actor,
    'service_accounts.disable',
    accountLock(id),
    async (tx, account, now) => {
      const by = { disabledBy: actor.clientId, disabledReach: reachOf(actor, 'service_accounts.disable') }
      if (account.disabledAt) {
        if (!widensDisabling(actor, 'service_accounts.disable', account)) return unchanged(undefined)
        await updateServiceAccountRow(tx, id, by)
        const again = { apiKeys: 0, text: text ?? null }
        return { view: undefined, event: { type: 'service_account.disabled', reason, context: again } }
      }
      const keyIds = await selectLiveKeyIds(tx, { serviceAccountId: id })
      const rules = keyIds.map((value) => ({
        id: newRuleId(),
        kind: 'api_key' as const,
        value,
        expires: 'never' as const,
        organizationId: account.organizationId,
        reason,
        reasonText: text,
        actor: actor.clientId,
      }))
      await updateServiceAccountRow(tx, id, { disabledAt: now, disabledRuleIds: rules.map((rule) => rule.id), ...by })
      await addRevocationRules(tx, rules, services.config.clockToleranceSeconds, now)
      const context = { apiKeys: keyIds.length, text: text ?? null }
      return { view: undefined, event: { type: 'service_account.disabled', reason, context } }
    },
    { dryRun },
  )
}

/** What disabling the account would break. Writes nothing. Throws as `disableServiceAccount`. */
export async function tryDisablingServiceAccount(
  services: Disabling & Pick<Services, 'db'>,
  actor: Principal,
  id: string,
  because: Because,
): Promise<Impact> {
  await disableServiceAccount(services, actor, id, because, { dryRun: true })
  const { db, now } = services
  return await whatWouldBreak(db, await selectLiveKeyIds(db, { serviceAccountId: id }), now())
}

/**
 * Enables a disabled account: its keys get tokens again, except keys that are disabled themselves. Tokens issued before
 * stay revoked. Repeating it changes nothing. Throws `permission_denied` for an account that was disabled with a wider
 * reach than the caller has.
 */
export async function enableServiceAccount(services: Disabling, actor: Principal, id: string): Promise<void> {
  await change(services, actor, 'service_accounts.disable', accountLock(id), async (tx, account, now) => {
    if (!account.disabledAt) return unchanged(undefined)
    requireReachToEnable(actor, 'service_accounts.disable', account)
    const enabled = { disabledAt: null, disabledBy: null, disabledReach: null, disabledRuleIds: null }
    await updateServiceAccountRow(tx, id, enabled)
    const values = await selectLiveKeyIds(tx, { serviceAccountId: id })
    const off = {
      kind: 'api_key',
      values,
      ruleIds: account.disabledRuleIds,
      organizationId: account.organizationId,
    } as const
    await switchOn(tx, off, { tolerance: services.config.clockToleranceSeconds, actor: actor.clientId }, now)
    return { view: undefined, event: { type: 'service_account.enabled', context: { apiKeys: values.length } } }
  })
}
