import type { Principal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import { planOf } from '../organizations/queries.ts'
import type { Services } from '../services.ts'
import { findApiKey } from './queries.ts'
import { selectVersions } from './version-queries.ts'
import { type ApiKeyView, apiKeyView } from './view.ts'

/**
 * A key as it sees itself: with the limits that apply to it, and the version whose secret it sent (null = it sent a
 * token).
 */
export type CallerView = ApiKeyView & {
  limits: { requestsPerMinute: number; requestsPerMonth: number }
  usedVersion: { version: number; endsAt: string | null } | null
  /** When the secret that was sent stops working, as far as is planned; null = not planned. */
  worksUntil: string | null
}

/** The calling key; no permission is needed. Throws `not_found` for the service's own console, which has no key. */
export async function showCaller({ db, now }: Pick<Services, 'db' | 'now'>, actor: Principal): Promise<CallerView> {
  const apiKey = await findApiKey(db, { id: actor.clientId, within: 'everywhere' })
  if (!apiKey) throw new ServiceError('not_found')
  const plan = await planOf(db, apiKey.organizationId)
  const limits = {
    requestsPerMinute: apiKey.requestsPerMinute ?? plan.requestsPerMinute,
    requestsPerMonth: plan.requestsPerMonth,
  }
  const usedVersion = await usedVersionOf(db, actor)
  const view = apiKeyView(apiKey, now())
  return { ...view, limits, usedVersion, worksUntil: firstOf(view.expiresAt, view.revokedAt, usedVersion?.endsAt) }
}

async function usedVersionOf(
  db: Services['db'],
  { clientId, apiKeyVersion }: Principal,
): Promise<CallerView['usedVersion']> {
  if (apiKeyVersion === undefined) return null
  const [used] = await selectVersions(db, { apiKeyId: clientId, before: apiKeyVersion + 1, limit: 1 })
  return { version: apiKeyVersion, endsAt: used?.expiresAt?.toISOString() ?? null }
}

/** RFC 3339 texts in UTC, all with milliseconds: the first as text is the first in time. */
function firstOf(...ends: readonly (string | null | undefined)[]): string | null {
  return ends.filter((end) => typeof end === 'string').toSorted()[0] ?? null
}
