import { authorize } from '../access/authorize.ts'
import { keepLastHolders } from '../access/last-holders.ts'
import type { Permission } from '../access/permissions.ts'
import type { Principal } from '../access/principal.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { issuedBeforeAfterResume } from '../kit/revocation/rules.ts'
import { refreshAfterCommit } from '../revocation/refresh-after-commit.ts'
import { addRevocationRule, closeOpenRules } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { markApiKeyDisabled, markApiKeyEnabled, markApiKeyExpired } from './change-queries.ts'
import { lockApiKey, requireLiveApiKey, requireRootForRootKey } from './lock.ts'
import { findApiKey } from './queries.ts'
import { type ApiKeyView, apiKeyView } from './view.ts'

type SwitchingServices = Pick<Services, 'config' | 'db' | 'log' | 'now' | 'revocations' | 'transaction'>

/** `force` = even if nobody can administer the service or the organization afterwards. */
type Force = { readonly force?: boolean | undefined }

/**
 * Disables a key and all of its tokens until it is enabled. Repeating it changes nothing. When it returns, this process
 * refuses the key's tokens; other readers follow within their staleness limit. Throws `not_found`, `conflict` for a
 * dead key and for the last key that can administer the service or its organization, `permission_denied` for a root key
 * unless the caller is root or the key itself.
 */
export async function disableApiKey(
  services: SwitchingServices,
  actor: Principal,
  id: string,
  { force = false }: Force = {},
) {
  return await switchOff(
    services,
    actor,
    { id, permission: 'api_keys.disable', force },
    async (tx, { organizationId }, now) => {
      const disabled = await markApiKeyDisabled(tx, id, now)
      if (!disabled) return
      const revocationId = await addRule(
        tx,
        services,
        { id, organizationId, expires: 'never', reason: 'disabled', actor },
        now,
      )
      await appendAuditEvent(
        tx,
        { type: 'api_key.disabled', actor, organizationId, subject: id, context: { revocationId } },
        now,
      )
    },
  )
}

/**
 * Expires a key and all of its tokens now, for good. Repeating it is a `conflict`, because the key is dead. Otherwise
 * as `disableApiKey`.
 */
export async function expireApiKey(
  services: SwitchingServices,
  actor: Principal,
  id: string,
  { force = false }: Force = {},
) {
  return await switchOff(
    services,
    actor,
    { id, permission: 'api_keys.revoke', force },
    async (tx, { organizationId }, now) => {
      const expired = await markApiKeyExpired(tx, id, now)
      if (!expired) return
      const revocationId = await addRule(
        tx,
        services,
        { id, organizationId, expires: 'when_dead', reason: 'expired', actor },
        now,
      )
      await appendAuditEvent(
        tx,
        { type: 'api_key.expired', actor, organizationId, subject: id, context: { revocationId } },
        now,
      )
    },
  )
}

/** The enabled key. Tokens issued from `tokensUsableFrom` on work; null = the key was not disabled. */
export type EnabledApiKey = ApiKeyView & { tokensUsableFrom: string | null }

/**
 * Makes a disabled key work again. Tokens from before it was disabled stay revoked. So do tokens from the next few
 * seconds, because a fast clock may have stamped an earlier token with such a time. Repeating it changes nothing.
 * Throws as `disableApiKey`.
 */
export async function enableApiKey(services: SwitchingServices, actor: Principal, id: string): Promise<EnabledApiKey> {
  const within = authorize(actor, 'api_keys.disable')
  const now = services.now()
  const tolerance = services.config.clockToleranceSeconds
  const { apiKey, tokensUsableFrom } = await services.transaction(async (tx) => {
    const { apiKey: disabled } = await lockApiKey(tx, { id, within }, now)
    requireRootForRootKey(actor, disabled)
    const { disabledAt, organizationId } = disabled
    if (disabledAt === null) return { apiKey: disabled, tokensUsableFrom: null }
    await markApiKeyEnabled(tx, id)
    await closeOpenRules(tx, { kind: 'api_key', value: id, effectiveAt: disabledAt }, tolerance, now)
    const lastDead = issuedBeforeAfterResume(disabledAt.getTime() / 1000, now.getTime() / 1000, tolerance)
    const usableFrom = new Date((Math.ceil(lastDead) + 1) * 1000).toISOString()
    const context = { disabledAt: disabledAt.toISOString(), tokensUsableFrom: usableFrom }
    await appendAuditEvent(tx, { type: 'api_key.enabled', actor, organizationId, subject: id, context }, now)
    return { apiKey: await findApiKey(tx, { id, within: 'everywhere' }), tokensUsableFrom: usableFrom }
  })
  if (!apiKey) throw new Error('the API key that was enabled is gone')
  await refreshAfterCommit(services)
  return { ...apiKeyView(apiKey, now), tokensUsableFrom }
}

/** What disabling the key would break; writes nothing. Throws `not_found`. */
export async function tryDisablingApiKey(
  { db, now }: Pick<Services, 'db' | 'now'>,
  actor: Principal,
  id: string,
): Promise<Impact> {
  return await tryOut(db, actor, { id, permission: 'api_keys.disable' }, now())
}

/** As `tryDisablingApiKey`, for `expireApiKey`. */
export async function tryExpiringApiKey(
  { db, now }: Pick<Services, 'db' | 'now'>,
  actor: Principal,
  id: string,
): Promise<Impact> {
  return await tryOut(db, actor, { id, permission: 'api_keys.revoke' }, now())
}

async function tryOut(
  db: Db,
  actor: Principal,
  { id, permission }: { id: string; permission: Permission },
  now: Date,
): Promise<Impact> {
  if (!(await findApiKey(db, { id, within: authorize(actor, permission) }))) throw new ServiceError('not_found')
  return await whatWouldBreak(db, [id], now)
}

async function switchOff(
  services: SwitchingServices,
  actor: Principal,
  { id, permission, force }: { id: string; permission: Permission; force: boolean },
  change: (tx: Db, apiKey: { readonly organizationId: string }, now: Date) => Promise<void>,
): Promise<ApiKeyView> {
  const within = authorize(actor, permission)
  const now = services.now()
  const after = await services.transaction(async (tx) => {
    const found = await findApiKey(tx, { id, within })
    if (!found) throw new ServiceError('not_found') // a key out of reach looks like a missing one
    requireRootForRootKey(actor, found)
    requireLiveApiKey(found, now)
    const { organizationId, roles } = found
    if (roles.length === 0) await change(tx, found, now)
    else await keepLastHolders(tx, { organizationId, now, force }, () => change(tx, found, now))
    return await findApiKey(tx, { id, within: 'everywhere' })
  })
  if (!after) throw new Error('the API key that was switched off is gone')
  await refreshAfterCommit(services)
  return apiKeyView(after, now)
}

type NewRule = { id: string; organizationId: string; expires: 'never' | 'when_dead'; reason: string; actor: Principal }

/** An open rule: it covers every token of the key, whenever issued. */
async function addRule(
  tx: Db,
  { config }: Pick<Services, 'config'>,
  { id, actor, ...rule }: NewRule,
  now: Date,
): Promise<string> {
  const open = { ...rule, kind: 'api_key', value: id, effectiveAt: now, actor: actor.clientId } as const
  return await addRevocationRule(tx, open, config.clockToleranceSeconds, now)
}
