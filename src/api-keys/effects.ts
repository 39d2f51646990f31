import { authorize, permissionsHeld } from '../access/authorize.ts'
import { shutsOut } from '../access/cidr.ts'
import type { Permission } from '../access/permissions.ts'
import type { Principal } from '../access/principal.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { isBroughtForward } from './end-tokens.ts'
import { findApiKey } from './queries.ts'
import type { ApiKeyDraft } from './settings.ts'

/** The settings with an effect that another verb has too. */
export type EffectiveSettings = Pick<ApiKeyDraft, 'expiresAt' | 'allowedCidrs' | 'deniedCidrs' | 'roles'>

type Effect = {
  readonly has: (previous: EffectiveSettings, draft: EffectiveSettings) => boolean
  readonly what: string
  /** One of them is needed, for this key. */
  readonly permissions: readonly [Permission, ...Permission[]]
}

const effects: readonly Effect[] = [
  {
    has: (previous, draft) => isBroughtForward(previous.expiresAt, draft.expiresAt),
    what: 'An earlier expiry ends the key.',
    permissions: ['api_keys.revoke'],
  },
  {
    has: shutsOut,
    what: 'Narrower address ranges shut clients of the key out.',
    permissions: ['api_keys.disable', 'api_keys.revoke'],
  },
  {
    has: (previous, draft) => previous.roles.toSorted().join() !== draft.roles.toSorted().join(),
    what: 'Other roles change what the key may do.',
    permissions: ['members.assign_roles', 'api_keys.revoke'],
  },
]

/**
 * A permission belongs to the effect: a change of settings that ends a key, shuts its clients out or changes its roles
 * needs the permission of the verb that does the same. A key may do it to itself. Throws `permission_denied`.
 */
export async function requireEffects(
  tx: Db,
  actor: Principal,
  previous: EffectiveSettings & { readonly id: string },
  draft: EffectiveSettings,
): Promise<void> {
  if (previous.id === actor.clientId) return
  for (const effect of effects) if (effect.has(previous, draft)) await requireEffect(tx, actor, effect, previous.id)
}

/** As `requireEffects`, for a change that ends the key's tokens. */
export async function requireEndingTokens(tx: Db, actor: Principal, id: string): Promise<void> {
  if (id === actor.clientId) return
  await requireEffect(
    tx,
    actor,
    { what: 'endTokens makes clients of the key wait.', permissions: ['api_keys.disable', 'api_keys.revoke'] },
    id,
  )
}

async function requireEffect(tx: Db, actor: Principal, effect: Omit<Effect, 'has'>, id: string): Promise<void> {
  const { what, permissions } = effect
  if (await reachesWithOne(tx, actor, permissions, id)) return
  throw new ServiceError('permission_denied', {
    detail: `${what} The caller needs ${permissions.join(' or ')} for this key.`,
    reason: permissions[0],
  })
}

async function reachesWithOne(tx: Db, actor: Principal, permissions: readonly Permission[], id: string) {
  const held = permissionsHeld(actor)
  for (const permission of permissions) {
    if (held[permission] && (await findApiKey(tx, { id, within: authorize(actor, permission) }))) return true
  }
  return false
}
