import { and, eq, isNull, sql } from 'drizzle-orm'
import { takeChangeLock } from '../db/change-locks.ts'
import type { Db } from '../db/database.ts'
import { revocationState, serviceState, signingKeyActivations, signingKeys } from '../db/schema.ts'

export type SigningKeyRow = typeof signingKeys.$inferSelect
export type NewSigningKey = typeof signingKeys.$inferInsert
export type ActivationRow = typeof signingKeyActivations.$inferSelect

/** The whole key ring at one time. */
export type RingRows = {
  readonly generation: number
  readonly largestTokenTtlSeconds: number
  readonly keys: readonly SigningKeyRow[]
  readonly activations: readonly ActivationRow[]
}

/**
 * Generation, keys and activations in one statement, so that they are consistent. Undefined while the database is
 * empty. Includes retired keys: monthly rotation adds only a dozen small rows per year and purpose.
 */
export async function readRing(db: Db): Promise<RingRows | undefined> {
  const rows = await db
    .select({
      generation: serviceState.ringGeneration,
      largestTokenTtlSeconds: revocationState.largestTokenTtlSeconds,
      key: signingKeys,
      activation: signingKeyActivations,
    })
    .from(serviceState)
    .innerJoin(revocationState, eq(revocationState.id, serviceState.id))
    .leftJoin(signingKeys, sql`true`)
    .leftJoin(signingKeyActivations, eq(signingKeyActivations.kid, signingKeys.kid))
    .where(eq(serviceState.id, 1)) // so that the planner expects one row
  const [first] = rows
  if (!first) return undefined
  const keys = new Map(rows.flatMap(({ key }) => (key ? [[key.kid, key]] : [])))
  const activations = rows.flatMap(({ activation }) => activation ?? [])
  return {
    generation: first.generation,
    largestTokenTtlSeconds: first.largestTokenTtlSeconds,
    keys: [...keys.values()],
    activations,
  }
}

/** Throws when no ring has been created yet. */
export async function requireRing(db: Db): Promise<RingRows> {
  const rows = await readRing(db)
  if (!rows) throw new Error('the database is empty: no key ring has been created yet')
  return rows
}

export async function findSigningKey(db: Db, kid: string): Promise<SigningKeyRow | undefined> {
  const [key] = await db.select().from(signingKeys).where(eq(signingKeys.kid, kid)).limit(1)
  return key
}

/** Undefined while the database is empty. */
export async function readRingGeneration(db: Db): Promise<number | undefined> {
  const [state] = await db.select({ generation: serviceState.ringGeneration }).from(serviceState).limit(1)
  return state?.generation
}

/** Nobody else can change the ring until the transaction ends. */
export async function lockRing(tx: Db): Promise<void> {
  await takeChangeLock(tx, 'ring')
}

export async function insertSigningKey(tx: Db, key: NewSigningKey): Promise<SigningKeyRow> {
  const [row] = await tx.insert(signingKeys).values(key).returning()
  if (!row) throw new Error('the database gave no signing key back')
  return row
}

/** From now on the key neither signs nor is published. Undefined if it does not exist or is already revoked. */
export async function markSigningKeyRevoked(
  tx: Db,
  key: { kid: string; by: string; reason: string },
  now: Date,
): Promise<SigningKeyRow | undefined> {
  const [marked] = await tx
    .update(signingKeys)
    .set({ revokedAt: now, revokedBy: key.by, revocationReason: key.reason })
    .where(and(eq(signingKeys.kid, key.kid), isNull(signingKeys.revokedAt)))
    .returning()
  return marked
}

/** Fails if the sequence is taken. That stops a process that was paused while another one rotated. */
export async function insertActivation(tx: Db, activation: ActivationRow): Promise<void> {
  await tx.insert(signingKeyActivations).values(activation)
}

/** Every change of the ring increments its generation in the same transaction. */
export async function advanceRingGeneration(tx: Db): Promise<number> {
  const [state] = await tx
    .update(serviceState)
    .set({ ringGeneration: sql`${serviceState.ringGeneration} + 1` })
    .returning({ generation: serviceState.ringGeneration })
  if (!state) throw new Error('the database has no service_state row: it was never started')
  return state.generation
}
