import type { ServiceAccountRow } from './queries.ts'

/** A service account as the admin API shows it; instants are RFC 3339 texts. */
export type ServiceAccountView = {
  id: string
  organizationId: string
  name: string
  description: string
  /** The most that its keys hold. */
  roles: string[]
  /** How many keys it owns that are not revoked. */
  apiKeys: number
  createdAt: string
  createdBy: string
  disabledAt: string | null
  /** Counts up with each change: what the ETag says. */
  revision: number
}

export function serviceAccountView({ createdAt, disabledAt, ...shown }: ServiceAccountRow): ServiceAccountView {
  return { ...shown, createdAt: createdAt.toISOString(), disabledAt: disabledAt?.toISOString() ?? null }
}
