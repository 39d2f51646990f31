import type { PlanLimits } from '../plans/limits.ts'
import type { Organization } from './queries.ts'

/** An organization as the admin API shows it. Times are RFC 3339 texts. */
export type OrganizationView = {
  id: string
  name: string
  slug: string | null
  email: string | null
  plan: string
  /** The plan's limits. */
  limits: PlanLimits
  /** Every new or changed key must expire within this many seconds; null = keys need not expire. */
  maxKeyLifetimeSeconds: number | null
  suspendedAt: string | null
  suspendedBy: string | null
  createdAt: string
  /** Increases with each change; sent as the ETag. */
  revision: number
}

export function organizationView(
  organization: Organization,
  limits: ReadonlyMap<string, PlanLimits>,
): OrganizationView {
  const { suspendedAt, suspendedRuleId: _, createdAt, plan, ...shown } = organization
  const allowed = limits.get(plan)
  if (!allowed) throw new Error('the plan that an organization names is not there')
  return {
    ...shown,
    plan,
    limits: allowed,
    suspendedAt: suspendedAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  }
}
