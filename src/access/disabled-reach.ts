import { ServiceError } from '../errors.ts'
import { permissionsHeld } from './authorize.ts'
import { type Reach, reachesAtLeast } from './permissions.ts'
import type { Principal } from './principal.ts'

type Disabling = 'api_keys.disable' | 'service_accounts.disable'

/** With which reach a thing was disabled. A thing that was disabled before this was recorded needs an administrator. */
type Disabled = { readonly disabledReach: Reach | null }

const unrecorded: Reach = 'organization'

/** The actor's reach of the permission, which it must hold. */
export function reachOf(actor: Principal, permission: Disabling): Reach {
  const reach = permissionsHeld(actor)[permission]
  if (reach === undefined) throw new ServiceError('permission_denied', { reason: permission })
  return reach
}

/** Whether the actor disables with a wider reach than the caller who disabled the thing before. */
export function widensDisabling(actor: Principal, permission: Disabling, { disabledReach }: Disabled): boolean {
  return !reachesAtLeast(disabledReach ?? unrecorded, reachOf(actor, permission))
}

/** Nobody enables what was disabled with a wider reach than their own. Throws `permission_denied`. */
export function requireReachToEnable(actor: Principal, permission: Disabling, { disabledReach }: Disabled): void {
  const needed = disabledReach ?? unrecorded
  if (reachesAtLeast(reachOf(actor, permission), needed)) return
  const who = needed === 'all' ? 'the operator of the service' : 'an administrator of the organization'
  throw new ServiceError('permission_denied', {
    detail: `It was disabled with more reach than the caller has. Ask ${who} to enable it.`,
    reason: `${permission}:${needed}`,
  })
}
