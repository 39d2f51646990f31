import type { OrganizationView } from '../../organizations/view.ts'
import { fields, timeAndActor } from '../runtime/output.ts'

export function organizationFields(organization: OrganizationView): string {
  const { limits, maxKeyLifetimeSeconds } = organization
  return fields({
    id: organization.id,
    name: organization.name,
    slug: organization.slug,
    email: organization.email,
    plan: organization.plan,
    limits: `${limits.requestsPerMinute} a minute, ${limits.requestsPerMonth} a month, ${limits.apiKeys} keys`,
    'keys expire': maxKeyLifetimeSeconds === null ? null : `within ${maxKeyLifetimeSeconds} s`,
    suspended: organization.suspendedAt && timeAndActor(organization.suspendedAt, organization.suspendedBy),
    created: organization.createdAt,
    revision: organization.revision,
  })
}
