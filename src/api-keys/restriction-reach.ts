import { permissionsHeld } from '../access/authorize.ts'
import { shutsOut } from '../access/cidr.ts'
import { type Reach, reachesAtLeast, widerReach } from '../access/permissions.ts'
import type { Principal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import { isBroughtForward } from './end-tokens.ts'
import type { ApiKeyDraft } from './settings.ts'

/**
 * The widest reach of the callers who set a key's expiry, and its address ranges. Null = not set, or set before this
 * was recorded: then only an administrator may loosen it.
 */
export type RestrictionReach = { readonly expiryReach: Reach | null; readonly addressReach: Reach | null }

type Restricted = Pick<ApiKeyDraft, 'expiresAt' | 'allowedCidrs' | 'deniedCidrs'>

type Restriction = {
  readonly isSet: (settings: Restricted) => boolean
  /** Whether the change gives the key more time, or lets another address in. */
  readonly isLoosened: (previous: Restricted, draft: Restricted) => boolean
  readonly textOf: (settings: Restricted) => string
  readonly what: string
}

const expiry: Restriction = {
  isSet: ({ expiresAt }) => expiresAt !== null,
  isLoosened: (previous, draft) => isBroughtForward(draft.expiresAt, previous.expiresAt),
  textOf: ({ expiresAt }) => String(expiresAt?.getTime()),
  what: 'The expiry was set',
}

const addresses: Restriction = {
  isSet: ({ allowedCidrs, deniedCidrs }) => allowedCidrs.length > 0 || deniedCidrs.length > 0,
  isLoosened: (previous, draft) => shutsOut(draft, previous),
  textOf: ({ allowedCidrs, deniedCidrs }) => JSON.stringify([allowedCidrs, deniedCidrs]),
  what: 'The address ranges were set',
}

const unrecorded: Reach = 'organization'

/**
 * What to record with the settings about to be stored. Nobody postpones an expiry, or widens address ranges, that was
 * set with a wider reach than their own: also not a key for itself. Throws `permission_denied`.
 */
export function restrictedBy(
  actor: Principal,
  previous: (Restricted & RestrictionReach) | undefined,
  draft: Restricted,
): RestrictionReach {
  const next = (restriction: Restriction, recorded: Reach | null | undefined) =>
    reachAfter(actor, restriction, previous && { ...previous, reach: recorded ?? null }, draft)
  return {
    expiryReach: next(expiry, previous?.expiryReach),
    addressReach: next(addresses, previous?.addressReach),
  }
}

function reachAfter(
  actor: Principal,
  restriction: Restriction,
  previous: (Restricted & { readonly reach: Reach | null }) | undefined,
  draft: Restricted,
): Reach | null {
  const { isSet, isLoosened, textOf, what } = restriction
  if (previous && textOf(previous) === textOf(draft)) return previous.reach
  const reach = reachOf(actor, 'api_keys.update')
  const needed = previous && isSet(previous) ? (previous.reach ?? unrecorded) : undefined
  if (previous && needed && isLoosened(previous, draft) && !reachesAtLeast(reach, needed))
    throw tooFar({ what, permission: 'api_keys.update', verb: 'loosen it' }, needed)
  return isSet(draft) ? widerReach(reach, needed) : null
}

/** How far the actor may do this to keys. A caller without the permission, such as a key for itself, reaches least. */
export function reachOf(actor: Principal, permission: 'api_keys.update' | 'api_keys.rotate'): Reach {
  return permissionsHeld(actor)[permission] ?? 'own'
}

/**
 * A rotation gives the previous secret an end. Nobody takes it back who reaches less far than its caller: also not the
 * key itself. Throws `permission_denied`.
 */
export function requireReachToCancel(actor: Principal, { replacedReach }: { readonly replacedReach: Reach | null }) {
  const needed = replacedReach ?? unrecorded
  if (!reachesAtLeast(reachOf(actor, 'api_keys.rotate'), needed)) {
    const rotation = {
      what: 'The key was rotated',
      permission: 'api_keys.rotate',
      verb: 'cancel the rotation',
    } as const
    throw tooFar(rotation, needed)
  }
}

type Refused = {
  readonly what: string
  readonly permission: 'api_keys.update' | 'api_keys.rotate'
  readonly verb: string
}

function tooFar({ what, permission, verb }: Refused, needed: Reach): ServiceError {
  const who = needed === 'all' ? 'the operator of the service' : 'an administrator of the organization'
  return new ServiceError('permission_denied', {
    detail: `${what} with more reach than the caller has. Ask ${who} to ${verb}.`,
    reason: `${permission}:${needed}`,
  })
}
