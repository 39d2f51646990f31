import { and, eq } from 'drizzle-orm'
import type { SealContext } from '../crypto/envelope.ts'
import type { Db } from '../db/database.ts'
import { signingKeys } from '../db/schema.ts'
import { sealContext } from '../signing-keys/sealing.ts'

export type StoredEnvelope = {
  /** Kid of the key in the envelope. */
  readonly id: string
  readonly envelope: string
  readonly context: SealContext
}

/** Every envelope in the database, always in the same order. */
export async function readEnvelopes(db: Db): Promise<StoredEnvelope[]> {
  const { kid, purpose, algorithm, sealedPrivateKey } = signingKeys
  const rows = await db.select({ kid, purpose, algorithm, sealedPrivateKey }).from(signingKeys).orderBy(kid)
  return rows.map((row) => ({ id: row.kid, envelope: row.sealedPrivateKey, context: sealContext(row) }))
}

/** Replaces an envelope that was read before. If it was changed in the meantime, writes nothing and returns false. */
export async function replaceEnvelope(db: Db, { id, envelope }: StoredEnvelope, replacement: string): Promise<boolean> {
  const replaced = await db
    .update(signingKeys)
    .set({ sealedPrivateKey: replacement })
    .where(and(eq(signingKeys.kid, id), eq(signingKeys.sealedPrivateKey, envelope)))
    .returning({ kid: signingKeys.kid })
  return replaced.length === 1
}
