import { invalidRequest } from '../errors.ts'

export type PlanLimits = {
  readonly requestsPerMinute: number
  readonly requestsPerMonth: number
  /** Root keys, revoked keys and expired keys do not count. */
  readonly apiKeys: number
  /**
   * How long the previous version of a key works after a rotation: the default, and the most that a rotation may
   * request.
   */
  readonly defaultOverlapSeconds: number
  readonly maxOverlapSeconds: number
}

const hour = 3600
const day = 24 * hour

export const builtInPlans = {
  free: {
    requestsPerMinute: 10,
    requestsPerMonth: 1_000,
    apiKeys: 2,
    defaultOverlapSeconds: hour,
    maxOverlapSeconds: day,
  },
  pro: {
    requestsPerMinute: 60,
    requestsPerMonth: 100_000,
    apiKeys: 10,
    defaultOverlapSeconds: day,
    maxOverlapSeconds: 7 * day,
  },
  enterprise: {
    requestsPerMinute: 300,
    requestsPerMonth: 1_000_000,
    apiKeys: 50,
    defaultOverlapSeconds: day,
    maxOverlapSeconds: 30 * day,
  },
} as const satisfies Readonly<Record<string, PlanLimits>>

type BuiltInPlan = keyof typeof builtInPlans

export function isBuiltInPlan(name: string): name is BuiltInPlan {
  return Object.hasOwn(builtInPlans, name)
}

/** Returns the limits. Throws `invalid_request` for a name or limits that a custom plan cannot have. */
export function checkPlan(name: string, limits: PlanLimits): PlanLimits {
  if (!/^[a-z][a-z0-9-]{1,39}$/.test(name))
    throw invalidRequest('name must be 2 to 40 lowercase letters, digits and hyphens, and start with a letter.')
  if (limits.defaultOverlapSeconds > limits.maxOverlapSeconds)
    throw invalidRequest('defaultOverlapSeconds must not be more than maxOverlapSeconds.')
  return limits
}
