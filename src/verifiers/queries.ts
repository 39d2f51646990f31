import { and, asc, desc, eq, gt, inArray, lt, or, type SQL, sql } from 'drizzle-orm'
import { isLiveKeyId } from '../access/live-key-queries.ts'
import type { Db } from '../db/database.ts'
import { verifiers } from '../db/schema.ts'
import type { VerifierSighting } from './sighting.ts'

export type VerifierRow = typeof verifiers.$inferSelect

/** How many anonymous names are kept, and how many names per API key. Those unseen for longest are deleted first. */
const mostAnonymous = 1000
const mostOfOneKey = 20

/**
 * Records who fetched what, in one statement; of two sightings of a verifier the later one is kept. True when a
 * verifier is new. No two rows may be of the same verifier, and texts must be safe for PostgreSQL and a terminal.
 */
export async function rememberVerifiers(db: Db, seen: readonly VerifierRow[]): Promise<boolean> {
  const rows = sql`select client_id, name, string_to_array(kids, ' '), fetched_at::timestamptz, nullif(address, ''), nullif(agent, '')
    from unnest(${texts(seen, ({ clientId }) => clientId)}, ${texts(seen, ({ name }) => name)}, ${texts(seen, ({ kids }) => kids.join(' '))},
      ${texts(seen, ({ lastFetchedAt }) => lastFetchedAt.toISOString())}, ${texts(seen, ({ address }) => address ?? '')},
      ${texts(seen, ({ agent }) => agent ?? '')}) as seen (client_id, name, kids, fetched_at, address, agent)
    order by 1, 2`
  const written = await db
    .insert(verifiers)
    .select(rows)
    .onConflictDoUpdate({
      target: [verifiers.clientId, verifiers.name],
      set: {
        kids: sql`excluded.kids`,
        lastFetchedAt: sql`excluded.last_fetched_at`,
        address: sql`excluded.address`,
        agent: sql`excluded.agent`,
      },
      setWhere: sql`${verifiers.lastFetchedAt} <= excluded.last_fetched_at`,
    })
    .returning({ isNew: sql<boolean>`xmax = 0` })
  return written.some(({ isNew }) => isNew)
}

/** Deletes names beyond the limits, for the given client ids. */
export async function foldVerifiers(db: Db, clientIds: readonly string[]): Promise<void> {
  const most = sql`case when ${verifiers.clientId} = '' then ${sql.raw(String(mostAnonymous))} else ${sql.raw(String(mostOfOneKey))} end`
  const ranked = db
    .select({
      clientId: verifiers.clientId,
      name: verifiers.name,
      beyond:
        sql<boolean>`row_number() over (partition by ${verifiers.clientId} order by ${verifiers.lastFetchedAt} desc, ${verifiers.name}) > ${most}`.as(
          'beyond',
        ),
    })
    .from(verifiers)
    .where(inArray(verifiers.clientId, [...clientIds]))
    .as('ranked')
  const beyond = db.select({ clientId: ranked.clientId, name: ranked.name }).from(ranked).where(sql`${ranked.beyond}`)
  await db.delete(verifiers).where(sql`(${verifiers.clientId}, ${verifiers.name}) in ${beyond}`)
}

/** The verifiers that count for readiness: authenticated by a key that is not revoked. */
export async function findAuthenticatedVerifiers(db: Db, now: Date): Promise<VerifierSighting[]> {
  const { clientId, name, kids, lastFetchedAt } = verifiers
  return await db
    .select({ clientId, name, kids, lastFetchedAt })
    .from(verifiers)
    .where(isLiveKeyId(db, clientId, now))
}

/** Authenticated ones first, then by name; at most `limit`, only those after `after`. */
export async function selectVerifiers(
  db: Db,
  page: { after: { clientId: string; name: string } | undefined; limit: number },
) {
  return await db
    .select()
    .from(verifiers)
    .where(page.after && isAfter(page.after))
    .orderBy(desc(verifiers.clientId), asc(verifiers.name))
    .limit(page.limit)
}

/** Deletes verifiers that were not seen since the given time. */
export async function pruneVerifiers(db: Db, before: Date): Promise<void> {
  await db.delete(verifiers).where(lt(verifiers.lastFetchedAt, before))
}

function isAfter({ clientId, name }: { clientId: string; name: string }): SQL | undefined {
  return or(lt(verifiers.clientId, clientId), and(eq(verifiers.clientId, clientId), gt(verifiers.name, name)))
}

/** One column of the rows, as text: an array type that both drivers can send. */
function texts<Row>(rows: readonly Row[], value: (row: Row) => string): SQL {
  return sql`${sql.param(rows.map(value))}::text[]`
}
