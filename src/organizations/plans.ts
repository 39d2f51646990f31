export type PlanLimits = {
  readonly requestsPerMinute: number
  readonly requestsPerMonth: number
  /** API keys that are not revoked; root keys count against no plan. */
  readonly apiKeys: number
  /** How long an old version lives on after a rotation that says nothing else, and the most that one may ask for. */
  readonly defaultOverlapSeconds: number
  readonly maxOverlapSeconds: number
}

const hour = 3600
const day = 24 * hour

export const builtInPlans = {
  free: { requestsPerMinute: 10, requestsPerMonth: 1_000, apiKeys: 2, defaultOverlapSeconds: hour, maxOverlapSeconds: day },
  pro: { requestsPerMinute: 60, requestsPerMonth: 100_000, apiKeys: 10, defaultOverlapSeconds: day, maxOverlapSeconds: 7 * day },
  enterprise: { requestsPerMinute: 300, requestsPerMonth: 1_000_000, apiKeys: 50, defaultOverlapSeconds: day, maxOverlapSeconds: 30 * day },
} as const satisfies Readonly<Record<string, PlanLimits>>

export type BuiltInPlan = keyof typeof builtInPlans

export function isBuiltInPlan(name: string): name is BuiltInPlan {
  return Object.hasOwn(builtInPlans, name)
}
