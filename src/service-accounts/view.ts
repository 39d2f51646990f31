import type { ServiceAccountRow } from './queries.ts'

/** A service account as the admin API shows it. Times are RFC 3339 texts. */
export type ServiceAccountView = {
  id: string
  organizationId: string
  name: string
  description: string
  /** Its keys may hold only these roles. */
  roles: string[]
  /** How many of its keys are not revoked. */
  apiKeys: number
  createdAt: string
  createdBy: string
  disabledAt: string | null
  disabledBy: string | null
  /** Increases with each change; sent as the ETag. */
  revision: number
}

export function serviceAccountView({
  createdAt,
  disabledAt,
  disabledReach: _reach,
  disabledRuleIds: _rules,
  ...shown
}: ServiceAccountRow): ServiceAccountView {
  return { ...shown, createdAt: createdAt.toISOString(), disabledAt: disabledAt?.toISOString() ?? null }
}
