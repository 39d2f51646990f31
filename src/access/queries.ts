import { and, type Column, eq, inArray, isNull, notInArray, or, type SQL, sql } from 'drizzle-orm'
import { takeChangeLock } from '../db/change-locks.ts'
import type { Db } from '../db/database.ts'
import { apiKeys, apiKeyVersions, customRoles, organizations, serviceAccounts } from '../db/schema.ts'
import { type Within, wholeOrganization } from './authorize.ts'
import { admitsNobody } from './cidr.ts'
import { readPermissions } from './custom-role.ts'
import { isAlive } from './live-key-queries.ts'
import { isRole } from './permissions.ts'
import type { CustomRoles } from './principal.ts'

/** Columns that name a resource's owner: `createdBy` holds a client id, `serviceAccountId` the account that owns it. */
type OwnerColumns = { readonly createdBy: Column; readonly serviceAccountId?: Column }

/**
 * The condition that limits a query to what the caller may touch; undefined = no condition. For resources with an
 * owner, `owner` names its columns. If the caller may touch only its own resources and these have no owner, nothing is
 * found.
 */
export function organizationWithin(organizationId: Column, within: Within, owner?: OwnerColumns): SQL | undefined {
  if (within === 'everywhere') return undefined
  const inside = eq(organizationId, within.organizationId)
  if (!within.owner) return inside
  if (!owner) return sql`false`
  const { clientId, serviceAccountId } = within.owner
  const shared =
    owner.serviceAccountId && serviceAccountId !== null ? eq(owner.serviceAccountId, serviceAccountId) : undefined
  return and(inside, or(eq(owner.createdBy, clientId), shared))
}

/**
 * What the custom roles among the names permit. A name that is missing from the result is not a role. A grant calls
 * this in its own transaction, after `lockOrganization`: roles change only under that lock.
 */
export async function customRolesOf(db: Db, organizationId: string, names: Iterable<string>): Promise<CustomRoles> {
  const custom = [...names].filter((name) => !isRole(name))
  if (custom.length === 0) return new Map()
  const rows = await db
    .select({ name: customRoles.name, permissions: customRoles.permissions })
    .from(customRoles)
    .where(and(eq(customRoles.organizationId, organizationId), inArray(customRoles.name, custom)))
  return new Map(rows.map((row) => [row.name, readPermissions(row.permissions)]))
}

/**
 * The organization, locked until the transaction ends against changes of it and of what its limits and policies count.
 * Undefined when it does not exist or is out of reach. Creating keys and taking rights away begin with this, so that
 * counts stay true.
 */
export async function lockOrganization(tx: Db, where: { id: string; within: Within }) {
  const [organization] = await tx
    .select()
    .from(organizations)
    .where(and(eq(organizations.id, where.id), organizationWithin(organizations.id, wholeOrganization(where.within))))
    .for('no key update')
  return organization
}

/** How many usable keys hold root, anywhere, and how many can administer the organization. */
export type Holders = { roots: number; admins: number }

/** Makes other changes that take rights away wait: those of root keys first, then those of the organization. */
export async function lockRights(tx: Db, organizationId: string | null): Promise<void> {
  await takeChangeLock(tx, 'rights')
  if (organizationId !== null) await lockOrganization(tx, { id: organizationId, within: 'everywhere' })
}

/**
 * See `keepLastHolders`. Does not count the key `without`, and keys that no address may use. A role counts only if the
 * key's service account holds it too.
 */
export async function countHolders(
  tx: Db,
  organizationId: string | null,
  now: Date,
  without?: string,
): Promise<Holders> {
  const holds = (role: string) =>
    and(
      sql`${role} = any(${apiKeys.roles})`,
      or(isNull(serviceAccounts.id), sql`${role} = any(${serviceAccounts.roles})`),
    )
  const unusable = await selectUnusable(tx)
  const inside = organizationId === null ? sql`false` : eq(apiKeys.organizationId, organizationId)
  const [holders] = await tx
    .select({
      roots: sql<number>`count(*) filter (where ${holds('root')})`.mapWith(Number),
      admins: sql<number>`count(*) filter (where ${and(inside, or(holds('root'), holds('admin')))})`.mapWith(Number),
    })
    .from(apiKeys)
    .innerJoin(organizations, eq(organizations.id, apiKeys.organizationId))
    .leftJoin(serviceAccounts, eq(serviceAccounts.id, apiKeys.serviceAccountId))
    .where(
      and(
        sql`cardinality(${apiKeys.roles}) > 0`, // the condition of a partial index
        notInArray(apiKeys.id, without === undefined ? unusable : [...unusable, without]),
        isNull(apiKeys.revokedAt), // a planned revocation counts too
        isAlive(now),
        isNull(apiKeys.disabledAt),
        isNull(serviceAccounts.disabledAt),
        isNull(organizations.suspendedAt),
        hasLiveVersion(now),
      ),
    )
  return holders ?? { roots: 0, admins: 0 }
}

/** Ids of the keys with roles whose address rules admit nobody. */
async function selectUnusable(tx: Db): Promise<string[]> {
  const { id, roles, deniedCidrs, allowedCidrs, revokedAt } = apiKeys
  const rows = await tx
    .select({ id, deniedCidrs, allowedCidrs })
    .from(apiKeys)
    .where(and(sql`cardinality(${roles}) > 0`, sql`cardinality(${deniedCidrs}) > 0`, isNull(revokedAt)))
  return rows.filter(admitsNobody).map((row) => row.id)
}

function hasLiveVersion(now: Date): SQL {
  const at = sql`${now.toISOString()}::timestamptz`
  return sql`exists (select from ${apiKeyVersions} version
    where version.api_key_id = ${apiKeys.id} and not version.ended and (version.expires_at is null or version.expires_at > ${at}))`
}
