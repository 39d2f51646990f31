export type Plan = 'free' | 'pro' | 'enterprise'

export type PlanLimits = {
  readonly requestsPerMinute: number
  readonly requestsPerMonth: number
  /** API keys that are not revoked; root keys count against no plan. */
  readonly apiKeys: number
}

/** What each plan allows. Nothing enforces the limits yet. */
export const plans: Readonly<Record<Plan, PlanLimits>> = {
  free: { requestsPerMinute: 10, requestsPerMonth: 1_000, apiKeys: 2 },
  pro: { requestsPerMinute: 60, requestsPerMonth: 100_000, apiKeys: 10 },
  enterprise: { requestsPerMinute: 300, requestsPerMonth: 1_000_000, apiKeys: 50 },
}
