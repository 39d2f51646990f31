import { and, eq, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { leases } from './schema.ts'

/** The right to do something that one of several instances shall do, until it expires or is given back. */
export type Lease = {
  readonly name: string
  /** Grows with each holder, so that a former one is recognised however long it slept. */
  readonly fence: number
}

/** Somebody else took the lease over meanwhile: what its former holder was about to write must not be written. */
export class LeaseLostError extends Error {
  constructor(name: string) {
    super(`the lease ${name} went to another holder`)
    this.name = 'LeaseLostError'
  }
}

/**
 * The lease, or undefined while another holder has it. One statement, no session: works behind a transaction pooler. `now` is the
 * service's clock; an expiry further ahead than anybody may set it was written by a clock that was wrong and does not count.
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
 * Until the transaction ends nobody else gets the lease. Throws `LeaseLostError` when somebody did already: every transaction that relies on
 * the lease asks this before it writes.
 */
export async function holdLease(tx: Db, { name, fence }: Lease): Promise<void> {
  const [held] = await tx
    .select({ fence: leases.fence })
    .from(leases)
    .where(and(eq(leases.name, name), eq(leases.fence, fence)))
    .for('share')
  if (!held) throw new LeaseLostError(name)
}

/** Gives the lease back, so that the next one need not wait for its end. Changes nothing when it was lost. */
export async function releaseLease(db: Db, { name, fence }: Lease, now: Date): Promise<void> {
  await db
    .update(leases)
    .set({ expiresAt: now })
    .where(and(eq(leases.name, name), eq(leases.fence, fence)))
}
