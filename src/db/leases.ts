import { and, eq, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { leases } from './schema.ts'

/** The right of one instance to do a job, until the lease expires or is released. */
export type Lease = {
  readonly name: string
  /** Increases with each holder, so a previous holder is recognized however long it was paused. */
  readonly fence: number
}

/** Another instance has taken the lease: its previous holder must not write. */
export class LeaseLostError extends Error {
  constructor(name: string) {
    super(`the lease ${name} went to another holder`)
    this.name = 'LeaseLostError'
  }
}

/**
 * The lease, or undefined while another instance holds it. One statement without a session, so it works behind a
 * transaction pooler. `now` is the service's clock. An expiry later than `seconds` from now was written by a wrong
 * clock and does not count.
 */
export async function acquireLease(
  db: Db,
  { name, holder, seconds }: { name: string; holder: string; seconds: number },
  now: Date,
): Promise<Lease | undefined> {
  const expiresAt = new Date(now.getTime() + seconds * 1000)
  const [taken] = await db
    .insert(leases)
    .values({ name, holder, fence: 1, expiresAt })
    .onConflictDoUpdate({
      target: leases.name,
      set: { holder, fence: sql`${leases.fence} + 1`, expiresAt },
      setWhere: sql`${leases.expiresAt} <= ${now.toISOString()}::timestamptz or ${leases.expiresAt} > ${expiresAt.toISOString()}::timestamptz`,
    })
    .returning({ fence: leases.fence })
  return taken && { name, fence: taken.fence }
}

/**
 * Keeps the lease until the transaction ends. Every transaction that relies on the lease calls this before it writes.
 * @throws LeaseLostError if another instance has taken the lease.
 */
export async function holdLease(tx: Db, { name, fence }: Lease): Promise<void> {
  const [held] = await tx
    .select({ fence: leases.fence })
    .from(leases)
    .where(and(eq(leases.name, name), eq(leases.fence, fence)))
    .for('share')
  if (!held) throw new LeaseLostError(name)
}

/**
 * Releases the lease, so that the next instance need not wait for its expiry. Changes nothing if the lease was lost.
 */
export async function releaseLease(db: Db, { name, fence }: Lease, now: Date): Promise<void> {
  await db
    .update(leases)
    .set({ expiresAt: now })
    .where(and(eq(leases.name, name), eq(leases.fence, fence)))
}
