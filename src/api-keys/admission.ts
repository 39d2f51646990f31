import { authorize, authorizeGrant, permissionsHeld, type Within } from '../access/authorize.ts'
import { countApiKeys } from '../access/fit-queries.ts'
import type { Principal } from '../access/principal.ts'
import { customRolesOf } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { invalidRequest, namedThingNotFound, ServiceError } from '../errors.ts'
import { type Organization, planOf } from '../organizations/queries.ts'
import { findServiceAccount } from '../service-accounts/queries.ts'
import type { Services } from '../services.ts'
import { type EffectiveSettings, requireEffects } from './effects.ts'
import { requireLifetime } from './lifetime.ts'
import type { ApiKeyChange, ApiKeyDraft } from './settings.ts'

/**
 * A key about to be stored, and its previous state. `organization` is locked, so counts and lookups stay true until the
 * end.
 */
type Admission = {
  readonly draft: ApiKeyDraft
  readonly previous?: EffectiveSettings &
    Identity &
    Pick<ApiKeyDraft, 'scopes' | 'audiences' | 'serviceAccountId' | 'expiresAt'> & {
      readonly id: string
      readonly serviceAccountDisabledAt: Date | null
    }
  readonly organization: Organization
  /** Where the caller may assign a key to a service account. */
  readonly accountsWithin: Within
  /** Whether the caller will see a secret of the key. */
  readonly showsSecret: boolean
}

/**
 * Checks everything that must be true before a key is stored: the organization's lifetime policy and plan, that the
 * caller holds what it grants, and that the service account holds the roles. Throws `lifetime_not_allowed`,
 * `plan_limit_reached`, `permission_denied`, `invalid_request`, `not_found` for a service account that does not exist
 * or is out of reach, `conflict` for a disabled one. Does not check the key ring.
 */
export async function admitApiKey(tx: Db, actor: Principal, admission: Admission, now: Date): Promise<void> {
  const { draft, previous, organization } = admission
  if (!previous || prolongs(previous, draft) || widens(previous, draft)) requireLifetime(draft, organization, now)
  const grant = grantOf(admission)
  authorizeGrant(actor, grant, await customRolesOf(tx, organization.id, grant.roles))
  if (previous) await requireEffects(tx, actor, previous, draft)
  requireIdentity(actor, previous, draft)
  await checkServiceAccount(tx, admission)
  const counts = !draft.roles.includes('root')
  if (counts && (!previous || previous.roles.includes('root'))) await requirePlanRoom(tx, organization.id, 1, now)
}

type Identity = Pick<ApiKeyDraft, 'subject' | 'customClaims'>

/**
 * Resource servers trust the subject and the custom claims of a token, so setting or changing them needs its own
 * permission. Throws `permission_denied`.
 */
export function requireIdentity(actor: Principal, previous: Identity | undefined, draft: Identity): void {
  const textOf = ({ subject, customClaims }: Identity) => JSON.stringify([subject, customClaims])
  if (textOf(previous ?? { subject: null, customClaims: null }) === textOf(draft)) return
  if (permissionsHeld(actor)['api_keys.set_identity']) return
  throw new ServiceError('permission_denied', {
    detail: 'The subject and the custom claims of a key need the permission api_keys.set_identity.',
    reason: 'api_keys.set_identity',
  })
}

/**
 * Throws `plan_limit_reached` when the organization's plan does not allow `more` further keys. Root keys, revoked and
 * expired keys do not count. Call it after `lockOrganization`, in the same transaction.
 */
async function requirePlanRoom(tx: Db, organizationId: string, more: number, now: Date): Promise<void> {
  const { apiKeys: limit } = await planOf(tx, organizationId)
  if ((await countApiKeys(tx, organizationId, now)) + more > limit) throw planFull(limit)
}

export function planFull(limit: number): ServiceError {
  return new ServiceError('plan_limit_reached', {
    detail: `The organization's plan allows ${limit} API keys. Revoke an unused key, or change the plan.`,
    extensions: { limit },
  })
}

/**
 * A check that throws `conflict` unless an active signing key has the algorithm. It reads the key ring now, so that the
 * check can run in the transaction, where the refusal is about the key. Once an algorithm is active, the key ring keeps
 * it active.
 */
export async function signingKeyCheck(
  { keyring }: Pick<Services, 'keyring'>,
  tokenAlgorithm: string | null | undefined,
): Promise<() => void> {
  if (tokenAlgorithm === null || tokenAlgorithm === undefined) return () => {}
  const active = await keyring.activeAlgorithms('token')
  return function requireSigningKey() {
    if (active.some((algorithm) => algorithm === tokenAlgorithm)) return
    throw new ServiceError('conflict', {
      detail: `No signing key of this tokenAlgorithm is active. Choose one of: ${active.join(', ')}.`,
    })
  }
}

/**
 * What the caller must hold itself. To see a secret or to widen a key, the caller must hold everything that the key
 * holds. For any other change it must hold the key's roles, before and after: nobody may edit a key that is more
 * powerful than their own.
 */
function grantOf({ draft, previous, showsSecret }: Admission) {
  const roles = [...new Set([...(previous?.roles ?? []), ...draft.roles])]
  return showsSecret || !previous || grantsMore(previous, draft)
    ? { scopes: draft.scopes, audiences: draft.audiences, roles }
    : { scopes: [], audiences: [], roles }
}

type Held = Pick<ApiKeyDraft, 'scopes' | 'audiences'>

function grantsMore(previous: Held, draft: Held): boolean {
  return adds(previous.scopes, draft.scopes) || adds(previous.audiences, draft.audiences)
}

/** A key from before the lifetime policy keeps its end, but gets nothing more. */
function widens(previous: Held & { readonly roles: readonly string[] }, draft: ApiKeyDraft): boolean {
  return grantsMore(previous, draft) || adds(previous.roles, draft.roles)
}

function prolongs(previous: Pick<ApiKeyDraft, 'expiresAt'>, draft: ApiKeyDraft): boolean {
  if (previous.expiresAt === null) return false
  return draft.expiresAt === null || draft.expiresAt > previous.expiresAt
}

function adds(previous: readonly string[], now: readonly string[]): boolean {
  return now.some((value) => !previous.includes(value))
}

async function checkServiceAccount(
  tx: Db,
  { draft, previous, organization, accountsWithin }: Admission,
): Promise<void> {
  const { serviceAccountId: id, roles } = draft
  if (previous?.serviceAccountDisabledAt && id !== previous.serviceAccountId) {
    // Moving it away would make the key work again, although nobody enabled the account.
    throw new ServiceError('conflict', {
      detail: 'The key belongs to a disabled service account and cannot leave it. Enable the account first.',
    })
  }
  if (id === null) return
  const isNew = id !== previous?.serviceAccountId
  if (!isNew && !adds(previous.roles, roles)) return
  requireUsableAccount(
    await findServiceAccount(tx, {
      id,
      organizationId: organization.id,
      within: isNew ? accountsWithin : 'everywhere',
    }),
    roles,
  )
}

/**
 * A caller may assign a key to an account only where it may create keys: everyone who acts for an account shares its
 * keys.
 */
export function withinForAccount(
  actor: Principal,
  { serviceAccountId }: Pick<ApiKeyChange, 'serviceAccountId'>,
  within: Within,
): Within {
  return serviceAccountId ? authorize(actor, 'api_keys.create') : within
}

/**
 * Throws `not_found`, `conflict` for a disabled account, and `invalid_request` when the account lacks one of the key's
 * roles.
 */
export function requireUsableAccount(
  account: { readonly roles: readonly string[]; readonly disabledAt: Date | null } | undefined,
  roles: readonly string[],
): void {
  if (!account) throw namedThingNotFound('serviceAccountId')
  if (account.disabledAt) throw new ServiceError('conflict', { detail: 'The service account is disabled.' })
  if (adds(account.roles, roles)) {
    throw invalidRequest('roles holds a role that the service account does not have.')
  }
}
