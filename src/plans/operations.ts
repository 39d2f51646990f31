import { authorize } from '../access/authorize.ts'
import { type ChangeServices, change, type Lock } from '../access/change.ts'
import { countBeyondPlan } from '../access/fit-queries.ts'
import { noLock } from '../access/locks.ts'
import type { Principal } from '../access/principal.ts'
import type { Db } from '../db/database.ts'
import { taken, unlessTaken } from '../db/taken.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { builtInPlans, checkPlan, isBuiltInPlan, type PlanLimits } from './limits.ts'
import {
  countOrganizationsOn,
  deleteOwnPlan,
  findOwnPlan,
  insertOwnPlan,
  lockOwnPlan,
  type OwnPlan,
  selectOwnPlans,
  updateOwnPlanRow,
} from './queries.ts'

/** A plan as the admin API shows it. */
export type PlanView = PlanLimits & {
  readonly name: string
  readonly builtIn: boolean
  /** RFC 3339; null for a built-in plan. */
  readonly createdAt: string | null
  readonly revision: number
}

/**
 * Creates a custom plan. Throws `invalid_request`, and `conflict` for a name that is taken, also by a built-in plan.
 */
export async function createPlan(
  services: ChangeServices,
  actor: Principal,
  { name, ...limits }: PlanLimits & { name: string },
): Promise<PlanView> {
  return await change(services, actor, 'plans.change', noLock, async (tx, _, now) => {
    if (isBuiltInPlan(name)) throw taken('name')
    checkPlan(name, limits)
    const plan = await unlessTaken(() => insertOwnPlan(tx, { name, ...limits, createdAt: now }))
    return { view: ownPlanView(plan), event: { type: 'plan.created', subject: name, context: { ...limits } } }
  })
}

/** Built-in plans first, smallest first. Then the custom ones by name. */
export async function listPlans({ db }: Pick<Services, 'db'>, actor: Principal): Promise<PlanView[]> {
  authorize(actor, 'plans.read')
  const builtIn = Object.keys(builtInPlans).filter(isBuiltInPlan).map(builtInPlanView)
  return [...builtIn, ...(await selectOwnPlans(db)).map(ownPlanView)]
}

export async function showPlan({ db }: Pick<Services, 'db'>, actor: Principal, name: string): Promise<PlanView> {
  authorize(actor, 'plans.read')
  if (isBuiltInPlan(name)) return builtInPlanView(name)
  const plan = await findOwnPlan(db, name)
  if (!plan) throw new ServiceError('not_found')
  return ownPlanView(plan)
}

/** The plan after the change, or in a dry run as it would be. `apiKeys` beyond its number keep working. */
export type ChangedPlanLimits = PlanView & {
  readonly dryRun: boolean
  readonly noLongerFits: { readonly organizations: number; readonly apiKeys: number }
}

/**
 * The new limits apply at once to every organization on the plan. Absent members stay unchanged. Says how many
 * organizations have more keys; a dry run writes nothing. Throws `conflict` for a built-in plan.
 */
export async function updatePlan(
  services: ChangeServices,
  actor: Principal,
  name: string,
  { dryRun = false, ...changes }: { readonly [Limit in keyof PlanLimits]?: number | undefined } & { dryRun?: boolean },
): Promise<ChangedPlanLimits> {
  const decide = async (tx: Db, plan: OwnPlan, now: Date) => {
    const limits = checkPlan(name, {
      requestsPerMinute: changes.requestsPerMinute ?? plan.requestsPerMinute,
      requestsPerMonth: changes.requestsPerMonth ?? plan.requestsPerMonth,
      apiKeys: changes.apiKeys ?? plan.apiKeys,
      defaultOverlapSeconds: changes.defaultOverlapSeconds ?? plan.defaultOverlapSeconds,
      maxOverlapSeconds: changes.maxOverlapSeconds ?? plan.maxOverlapSeconds,
    })
    const updated = await updateOwnPlanRow(tx, name, limits)
    const noLongerFits = await countBeyondPlan(tx, { plan: name, apiKeys: limits.apiKeys }, now)
    const event = { type: 'plan.updated', context: { ...limits } } as const
    return { view: { ...ownPlanView(updated), dryRun, noLongerFits }, event }
  }
  return await change(services, actor, 'plans.change', customPlanLock(name), decide, { dryRun })
}

/** Throws `conflict` for a built-in plan, and while an organization is on the plan. */
export async function deletePlan(services: ChangeServices, actor: Principal, name: string): Promise<void> {
  await change(services, actor, 'plans.change', customPlanLock(name), async (tx) => {
    const organizations = await countOrganizationsOn(tx, name)
    if (organizations > 0) {
      throw new ServiceError('conflict', {
        detail: `The plan is in use by ${organizations} ${organizations === 1 ? 'organization' : 'organizations'}. Change their plan first.`,
      })
    }
    await deleteOwnPlan(tx, name)
    return { view: undefined, event: { type: 'plan.deleted', context: {} } }
  })
}

/** Throws `conflict` for a built-in plan. */
function customPlanLock(name: string): Lock<OwnPlan> {
  return async ({ tx }, work) => {
    if (isBuiltInPlan(name))
      throw new ServiceError('conflict', { detail: 'A built-in plan cannot be changed. Create a custom plan.' })
    const plan = await lockOwnPlan(tx, name)
    if (!plan) throw new ServiceError('not_found')
    return await work({ thing: plan, organizationId: null, subject: name, revision: plan.revision })
  }
}

function builtInPlanView(name: keyof typeof builtInPlans): PlanView {
  return { name, builtIn: true, ...builtInPlans[name], createdAt: null, revision: 1 }
}

function ownPlanView({ createdAt, ...plan }: OwnPlan): PlanView {
  return { ...plan, builtIn: false, createdAt: createdAt.toISOString() }
}
