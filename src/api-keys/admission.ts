import { authorize, authorizeGrant, type Within } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { customRolesOf } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { type Organization, planOf } from '../organizations/queries.ts'
import type { Services } from '../services.ts'
import { countApiKeys, findServiceAccount } from './change-queries.ts'
import { requireLifetime } from './lifetime.ts'
import type { ApiKeyChange, ApiKeyDraft } from './settings.ts'

/** A key as it is about to be stored, and as it was before; `organization` is locked, so that what is counted and looked up here holds. */
export type Admission = {
  readonly draft: ApiKeyDraft
  readonly former?: Pick<ApiKeyDraft, 'scopes' | 'audiences' | 'roles' | 'serviceAccountId'> & {
    readonly serviceAccountDisabledAt: Date | null
  }
  readonly organization: Organization
  /** Where the caller may give a key to a service account. */
  readonly accountsWithin: Within
  /** The caller will see a secret of the key. */
  readonly showsSecret: boolean
}

/**
 * Everything that must hold before a key is stored: the organization's lifetime policy and plan, that the caller holds what it grants, and that
 * the service account holds the roles. Throws `lifetime_not_allowed`, `plan_limit_reached`, `permission_denied`, `invalid_request`,
 * `not_found` for a service account that is not there or not theirs, `conflict` for a disabled one. Does not check the key ring.
 */
export async function admitApiKey(tx: Db, actor: Principal, admission: Admission, now: Date): Promise<void> {
  const { draft, former, organization } = admission
  requireLifetime(draft, organization, now)
  const grant = grantOf(admission)
  authorizeGrant(actor, grant, await customRolesOf(tx, organization.id, grant.roles))
  await checkServiceAccount(tx, admission)
  const counts = !draft.roles.includes('root')
  if (counts && (!former || former.roles.includes('root'))) await requirePlanRoom(tx, organization.id, 1, now)
}

/**
 * Throws `plan_limit_reached` when the organization's plan has no room for so many more keys. Root keys, revoked and expired ones do not
 * count. Holds only after `lockOrganization`, in the same transaction.
 */
export async function requirePlanRoom(tx: Db, organizationId: string, more: number, now: Date): Promise<void> {
  const { apiKeys: limit } = await planOf(tx, organizationId)
  if ((await countApiKeys(tx, organizationId, now)) + more > limit) throw planFull(limit)
}

export function planFull(limit: number): ServiceError {
  return new ServiceError('plan_limit_reached', {
    detail: `The organization's plan allows ${limit} API keys: revoke one that is not needed, or change the plan.`,
    extensions: { limit },
  })
}

/** Tokens could not be signed by an algorithm without an active key; once there is one, it is followed by others of the same. */
export async function requireSigningKey(
  { keyring }: Pick<Services, 'keyring'>,
  tokenAlgorithm: string | null | undefined,
): Promise<void> {
  if (tokenAlgorithm === null || tokenAlgorithm === undefined) return
  const active = await keyring.activeAlgorithms('token')
  if (active.some((algorithm) => algorithm === tokenAlgorithm)) return
  throw new ServiceError('conflict', {
    detail: `No signing key of that tokenAlgorithm is active. Tokens can be signed with: ${active.join(', ')}.`,
  })
}

/**
 * What the caller must hold itself. Whoever gets at a secret, or widens a key, must hold all of it. Whoever only rewrites what a key says
 * must hold its roles all the same, before and after: a key that may do more than its caller is none of the caller's business.
 */
function grantOf({ draft, former, showsSecret }: Admission) {
  const roles = [...new Set([...(former?.roles ?? []), ...draft.roles])]
  const widens = !former || adds(former.scopes, draft.scopes) || adds(former.audiences, draft.audiences)
  return showsSecret || widens
    ? { scopes: draft.scopes, audiences: draft.audiences, roles }
    : { scopes: [], audiences: [], roles }
}

function adds(former: readonly string[], now: readonly string[]): boolean {
  return now.some((value) => !former.includes(value))
}

async function checkServiceAccount(tx: Db, { draft, former, organization, accountsWithin }: Admission): Promise<void> {
  const { serviceAccountId: id, roles } = draft
  if (former?.serviceAccountDisabledAt && id !== former.serviceAccountId) {
    // It would work again, though nobody enabled what was switched off.
    throw new ServiceError('conflict', {
      detail: 'The key belongs to a service account that is disabled, and stays with it.',
    })
  }
  if (id === null) return
  const isNew = id !== former?.serviceAccountId
  if (!isNew && !adds(former.roles, roles)) return
  requireUsableAccount(
    await findServiceAccount(tx, {
      id,
      organizationId: organization.id,
      within: isNew ? accountsWithin : 'everywhere',
    }),
    roles,
  )
}

/** Where a change may give a key to a service account: where the caller makes keys, because whoever acts for an account shares its keys. */
export function withinForAccount(
  actor: Principal,
  { serviceAccountId }: Pick<ApiKeyChange, 'serviceAccountId'>,
  within: Within,
): Within {
  return serviceAccountId ? authorize(actor, 'api_keys.create') : within
}

/** Throws `not_found`, `conflict` for a disabled one, `invalid_request` when it does not hold what its key would. */
export function requireUsableAccount(
  account: { readonly roles: readonly string[]; readonly disabledAt: Date | null } | undefined,
  roles: readonly string[],
): void {
  if (!account) throw new ServiceError('not_found')
  if (account.disabledAt) throw new ServiceError('conflict', { detail: 'The service account is disabled.' })
  if (adds(account.roles, roles)) {
    throw new ServiceError('invalid_request', { detail: 'roles names one that the service account does not hold.' })
  }
}
