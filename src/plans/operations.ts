import { authorize } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { appendAuditEvent } from '../audit/queries.ts'
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
  uniquePlanMembers,
  updateOwnPlanRow,
} from './queries.ts'

/** A plan as the admin API shows it. */
export type PlanView = PlanLimits & {
  readonly name: string
  readonly builtIn: boolean
  /** RFC 3339; null for a built-in one. */
  readonly createdAt: string | null
  readonly revision: number
}

type Changing = Pick<Services, 'db' | 'now'>

/** A plan of the operator's own. Throws `conflict` for a name that is taken, by a built-in one too, and `invalid_request`. */
export async function createPlan(
  { db, now }: Changing,
  actor: Principal,
  { name, ...limits }: PlanLimits & { name: string },
): Promise<PlanView> {
  authorize(actor, 'plans.change')
  if (isBuiltInPlan(name)) throw taken('name')
  checkPlan(name, limits)
  const at = now()
  return await db.transaction(async (tx) => {
    const plan = await unlessTaken(uniquePlanMembers, () => insertOwnPlan(tx, { name, ...limits, createdAt: at }))
    await appendAuditEvent(
      tx,
      { type: 'plan.created', actor, organizationId: null, subject: name, context: { ...limits } },
      at,
    )
    return ownPlanView(plan)
  })
}

/** The built-in ones, smallest first, then the own ones by name. */
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

/** The new limits hold at once for every organization on the plan. Absent = as it was. A built-in plan is not changed: `conflict`. */
export async function updatePlan(
  { db, now }: Changing,
  actor: Principal,
  name: string,
  changes: { readonly [Limit in keyof PlanLimits]?: number | undefined },
  expectedRevision?: number,
): Promise<PlanView> {
  authorize(actor, 'plans.change')
  refuseBuiltIn(name)
  const at = now()
  return await db.transaction(async (tx) => {
    const plan = await lockOwnPlan(tx, name)
    if (!plan) throw new ServiceError('not_found')
    if (expectedRevision !== undefined && expectedRevision !== plan.revision)
      throw new ServiceError('precondition_failed')
    const limits = checkPlan(name, {
      requestsPerMinute: changes.requestsPerMinute ?? plan.requestsPerMinute,
      requestsPerMonth: changes.requestsPerMonth ?? plan.requestsPerMonth,
      apiKeys: changes.apiKeys ?? plan.apiKeys,
      defaultOverlapSeconds: changes.defaultOverlapSeconds ?? plan.defaultOverlapSeconds,
      maxOverlapSeconds: changes.maxOverlapSeconds ?? plan.maxOverlapSeconds,
    })
    const updated = await updateOwnPlanRow(tx, name, limits)
    await appendAuditEvent(
      tx,
      { type: 'plan.updated', actor, organizationId: null, subject: name, context: { ...limits } },
      at,
    )
    return ownPlanView(updated)
  })
}

/** Throws `conflict` while an organization is on the plan, and for a built-in one. */
export async function deletePlan({ db, now }: Changing, actor: Principal, name: string): Promise<void> {
  authorize(actor, 'plans.change')
  refuseBuiltIn(name)
  const at = now()
  await db.transaction(async (tx) => {
    if (!(await lockOwnPlan(tx, name))) throw new ServiceError('not_found')
    const organizations = await countOrganizationsOn(tx, name)
    if (organizations > 0) {
      throw new ServiceError('conflict', {
        detail: `The plan is in use by ${organizations} ${organizations === 1 ? 'organization' : 'organizations'}: change their plan first.`,
      })
    }
    await deleteOwnPlan(tx, name)
    await appendAuditEvent(tx, { type: 'plan.deleted', actor, organizationId: null, subject: name, context: {} }, at)
  })
}

function refuseBuiltIn(name: string): void {
  if (isBuiltInPlan(name))
    throw new ServiceError('conflict', { detail: 'A built-in plan stays as it is. Make one of your own.' })
}

function builtInPlanView(name: keyof typeof builtInPlans): PlanView {
  return { name, builtIn: true, ...builtInPlans[name], createdAt: null, revision: 1 }
}

function ownPlanView({ createdAt, ...plan }: OwnPlan): PlanView {
  return { ...plan, builtIn: false, createdAt: createdAt.toISOString() }
}
