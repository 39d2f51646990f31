import { type ChangeServices, change, unchanged } from '../access/change.ts'
import { reachOf, requireReachToEnable, widensDisabling } from '../access/disabled-reach.ts'
import type { Principal } from '../access/principal.ts'
import type { Db } from '../db/database.ts'
import { issuedBeforeAfterResume } from '../kit/revocation/rules.ts'
import { addRevocationRule, newRuleId } from '../revocation/rule-queries.ts'
import { switchOn } from '../revocation/switch-on.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { markApiKeyDisabled, markApiKeyEnabled, markApiKeyExpired, widenDisabling } from './change-queries.ts'
import { apiKeyLock, endingLock, readChangedApiKey, requireLiveApiKey, requireRootForRootKey } from './lock.ts'
import type { StoredApiKey } from './queries.ts'
import { type ApiKeyView, apiKeyView } from './view.ts'

type DisablingServices = ChangeServices & Pick<Services, 'config'>

/** `force` = even if nobody can administer the service or the organization afterwards. `dryRun` as in the gate. */
type Ending = { readonly force?: boolean | undefined; readonly dryRun?: boolean }

/**
 * Disables a key and all of its tokens until it is enabled, by a caller with at least the reach of this one. Repeating
 * it with a wider reach records that reach, and otherwise changes nothing. When it returns, this process
 * refuses the key's tokens; other readers follow within their staleness limit. Throws `not_found`, `conflict` for a
 * dead key and for the last key that can administer the service or its organization, `permission_denied` for a root key
 * unless the caller is root or the key itself.
 */
export async function disableApiKey(
  services: DisablingServices,
  actor: Principal,
  id: string,
  { force = false, dryRun = false }: Ending = {},
): Promise<ApiKeyView> {
  return await change(
    services,
    actor,
    'api_keys.disable',
    endingLock(id, force),
    async (tx, apiKey, now) => {
      requireLiveApiKey(apiKey, now)
      const by = { id, disabledBy: actor.clientId, disabledReach: reachOf(actor, 'api_keys.disable') }
      const ruleId = newRuleId()
      if (!(await markApiKeyDisabled(tx, { ...by, disabledRuleId: ruleId }, now))) {
        if (!widensDisabling(actor, 'api_keys.disable', apiKey)) return unchanged(await readChangedApiKey(tx, id, now))
        await widenDisabling(tx, by)
        const event = { type: 'api_key.disabled', context: { revocationId: null } } as const
        return { view: await readChangedApiKey(tx, id, now), event }
      }
      const revocationId = await addRule(
        tx,
        services,
        apiKey,
        { id: ruleId, expires: 'never', reason: 'disabled', actor },
        now,
      )
      return {
        view: await readChangedApiKey(tx, id, now),
        event: { type: 'api_key.disabled', context: { revocationId } },
      }
    },
    { dryRun },
  )
}

/**
 * Expires a key and all of its tokens now, for good. Repeating it is a `conflict`, because the key is dead. Otherwise
 * as `disableApiKey`.
 */
export async function expireApiKey(
  services: DisablingServices,
  actor: Principal,
  id: string,
  { force = false, dryRun = false }: Ending = {},
): Promise<ApiKeyView> {
  return await change(
    services,
    actor,
    'api_keys.revoke',
    endingLock(id, force),
    async (tx, apiKey, now) => {
      requireLiveApiKey(apiKey, now)
      if (!(await markApiKeyExpired(tx, id, now))) return unchanged(await readChangedApiKey(tx, id, now))
      const revocationId = await addRule(tx, services, apiKey, { expires: 'when_dead', reason: 'expired', actor }, now)
      return {
        view: await readChangedApiKey(tx, id, now),
        event: { type: 'api_key.expired', context: { revocationId } },
      }
    },
    { dryRun },
  )
}

/** The enabled key. Tokens issued from `tokensUsableFrom` on work; null = the key was not disabled. */
export type EnabledApiKey = ApiKeyView & { tokensUsableFrom: string | null }

/**
 * Makes a disabled key work again. Tokens from before it was disabled stay revoked. So do tokens from the next few
 * seconds, because a fast clock may have stamped an earlier token with such a time. Repeating it changes nothing.
 * Throws as `disableApiKey`, and `permission_denied` for a key that was disabled with a wider reach than the caller
 * has.
 */
export async function enableApiKey(services: DisablingServices, actor: Principal, id: string): Promise<EnabledApiKey> {
  const tolerance = services.config.clockToleranceSeconds
  return await change(services, actor, 'api_keys.disable', apiKeyLock(id), async (tx, { apiKey }, now) => {
    requireRootForRootKey(actor, apiKey)
    const { disabledAt } = apiKey
    if (disabledAt === null) return unchanged<EnabledApiKey>({ ...apiKeyView(apiKey, now), tokensUsableFrom: null })
    requireReachToEnable(actor, 'api_keys.disable', apiKey)
    await markApiKeyEnabled(tx, id)
    const { disabledRuleId: ruleId, organizationId } = apiKey
    const off = { kind: 'api_key', values: [id], ruleIds: ruleId === null ? null : [ruleId], organizationId } as const
    await switchOn(tx, off, { tolerance, actor: actor.clientId }, now)
    const lastDead = issuedBeforeAfterResume(disabledAt.getTime() / 1000, now.getTime() / 1000, tolerance)
    const tokensUsableFrom = new Date((Math.ceil(lastDead) + 1) * 1000).toISOString()
    const context = { disabledAt: disabledAt.toISOString(), tokensUsableFrom }
    const view = { ...(await readChangedApiKey(tx, id, now)), tokensUsableFrom }
    return { view, event: { type: 'api_key.enabled', context } }
  })
}

type Trying = DisablingServices & Pick<Services, 'db'>

/** What disabling the key would break; writes nothing. Throws as `disableApiKey`. */
export async function tryDisablingApiKey(
  services: Trying,
  actor: Principal,
  id: string,
  { force }: Pick<Ending, 'force'> = {},
): Promise<Impact> {
  await disableApiKey(services, actor, id, { force, dryRun: true })
  return await whatWouldBreak(services.db, [id], services.now())
}

/** As `tryDisablingApiKey`, for `expireApiKey`. */
export async function tryExpiringApiKey(
  services: Trying,
  actor: Principal,
  id: string,
  { force }: Pick<Ending, 'force'> = {},
): Promise<Impact> {
  await expireApiKey(services, actor, id, { force, dryRun: true })
  return await whatWouldBreak(services.db, [id], services.now())
}

type NewRule = { id?: string; expires: 'never' | 'when_dead'; reason: string; actor: Principal }

/** An open rule: it covers every token of the key, whenever issued. */
async function addRule(
  tx: Db,
  { config }: Pick<Services, 'config'>,
  { id: value, organizationId }: StoredApiKey,
  { actor, ...rule }: NewRule,
  now: Date,
): Promise<string> {
  const open = { ...rule, kind: 'api_key', value, organizationId, actor: actor.clientId } as const
  return await addRevocationRule(tx, open, config.clockToleranceSeconds, now)
}
