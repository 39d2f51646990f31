import { type ChangeServices, change } from '../access/change.ts'
import { countApiKeys, countLongLives, countLongOverlaps } from '../access/fit-queries.ts'
import { organizationLock } from '../access/locks.ts'
import type { Principal } from '../access/principal.ts'
import { requirePlan, storeOrganization } from './operations.ts'
import type { OrganizationView } from './view.ts'

/** What of an organization goes beyond its new plan. All of it keeps working. */
export type PlanMisfits = {
  /** API keys beyond the plan's number: until as many have ended, no key can be created. */
  readonly apiKeys: number
  /** Previous versions whose overlap is longer than the plan allows. */
  readonly overlaps: number
}

/** The API keys that live longer than the new policy allows. They keep working, and can be narrowed and rotated. */
export type PolicyMisfits = { readonly withoutEnd: number; readonly endingLater: number }

/** The organization after the change, or in a dry run as it would be. */
export type ChangedLimits<Misfits> = OrganizationView & { readonly dryRun: boolean; readonly noLongerFits: Misfits }

/**
 * The new plan's limits apply to later changes. Says what no longer fits; a dry run writes nothing. Throws
 * `invalid_request` for an unknown plan.
 */
export async function changeOrganizationPlan(
  services: ChangeServices,
  actor: Principal,
  id: string,
  { plan, dryRun = false }: { readonly plan: string; readonly dryRun?: boolean },
): Promise<ChangedLimits<PlanMisfits>> {
  return await change(
    services,
    actor,
    'organizations.change_plan',
    organizationLock(id),
    async (tx, organization, now) => {
      await requirePlan(tx, plan)
      const changed = await storeOrganization(tx, id, { plan })
      const { apiKeys, maxOverlapSeconds: seconds } = changed.limits
      const noLongerFits = {
        apiKeys: Math.max(0, (await countApiKeys(tx, id, now)) - apiKeys),
        overlaps: await countLongOverlaps(tx, { organizationId: id, seconds }, now),
      }
      const context = { from: organization.plan, to: plan }
      return { view: { ...changed, dryRun, noLongerFits }, event: { type: 'organization.plan_changed', context } }
    },
    { dryRun },
  )
}

/**
 * The lifetime policy applies to keys that are created, and to those that are widened or extended after this. Says
 * which keys live longer; a dry run writes nothing. Null removes the policy.
 */
export async function changeOrganizationPolicy(
  services: ChangeServices,
  actor: Principal,
  id: string,
  {
    maxKeyLifetimeSeconds,
    dryRun = false,
  }: { readonly maxKeyLifetimeSeconds: number | null; readonly dryRun?: boolean },
): Promise<ChangedLimits<PolicyMisfits>> {
  return await change(
    services,
    actor,
    'organizations.change_policy',
    organizationLock(id),
    async (tx, organization, now) => {
      const changed = await storeOrganization(tx, id, { maxKeyLifetimeSeconds })
      const noLongerFits =
        maxKeyLifetimeSeconds === null
          ? { withoutEnd: 0, endingLater: 0 }
          : await countLongLives(tx, { organizationId: id, seconds: maxKeyLifetimeSeconds }, now)
      const context = { fromSeconds: organization.maxKeyLifetimeSeconds, toSeconds: maxKeyLifetimeSeconds }
      return { view: { ...changed, dryRun, noLongerFits }, event: { type: 'organization.policy_changed', context } }
    },
    { dryRun },
  )
}
