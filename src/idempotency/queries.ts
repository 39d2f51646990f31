import { and, eq, inArray, lt, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { idempotencyKeys } from '../db/schema.ts'

/** One request that the client may repeat: the client, its Idempotency-Key, and a digest of the request. */
export type IdempotentRequest = { readonly clientId: string; readonly key: string; readonly digest: string }

/** The stored answer, without secrets. */
type KeptAnswer = {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
}

/** `answer` is undefined until the answer is stored. If the process dies before that, it stays undefined. */
export type Remembered = { readonly digest: string; readonly answer: KeptAnswer | undefined }

const keptMilliseconds = 24 * 3_600_000
const unanswered = 0

/**
 * Claims the request's Idempotency-Key. Call it as the first statement of the operation's transaction, so that either
 * both the claim and the change commit or neither does. Another transaction with the same key waits until this one
 * ends. False when the key was already claimed within the last 24 hours.
 */
export async function claimRequest(tx: Db, { clientId, key, digest }: IdempotentRequest, now: Date): Promise<boolean> {
  const claim = { requestDigest: digest, status: unanswered, body: {}, createdAt: now }
  const claimed = await tx
    .insert(idempotencyKeys)
    .values({ clientId, key, ...claim })
    .onConflictDoUpdate({
      target: [idempotencyKeys.clientId, idempotencyKeys.key],
      set: claim,
      setWhere: lt(idempotencyKeys.createdAt, forgottenBefore(now)),
    })
    .returning({ key: idempotencyKeys.key })
  return claimed.length === 1
}

/** The stored request with this key; undefined when there was none within the last 24 hours. */
export async function findRequest(
  db: Db,
  { clientId, key }: IdempotentRequest,
  now: Date,
): Promise<Remembered | undefined> {
  const [row] = await db.select().from(idempotencyKeys).where(named({ clientId, key })).limit(1)
  if (!row || row.createdAt < forgottenBefore(now)) return undefined
  return { digest: row.requestDigest, answer: row.status === unanswered ? undefined : answerOf(row.status, row.body) }
}

export async function keepAnswer(
  db: Db,
  request: IdempotentRequest,
  { status, text, headers }: KeptAnswer,
): Promise<void> {
  await db
    .update(idempotencyKeys)
    .set({ status, body: { text, headers } })
    .where(
      and(named(request), eq(idempotencyKeys.requestDigest, request.digest), eq(idempotencyKeys.status, unanswered)),
    )
}

/** For a request that was refused after it was claimed: the client may use the key again. */
export async function forgetRequest(db: Db, request: IdempotentRequest): Promise<void> {
  await db.delete(idempotencyKeys).where(and(named(request), eq(idempotencyKeys.status, unanswered)))
}

/** Deletes keys older than 24 hours, at most 10,000 a call. Returns how many it deleted. */
export async function pruneIdempotencyKeys(db: Db, now: Date): Promise<number> {
  const name = sql`(${idempotencyKeys.clientId}, ${idempotencyKeys.key})`
  const useless = db
    .select({ clientId: idempotencyKeys.clientId, key: idempotencyKeys.key })
    .from(idempotencyKeys)
    .where(lt(idempotencyKeys.createdAt, forgottenBefore(now)))
    .limit(10_000)
  const pruned = await db.delete(idempotencyKeys).where(inArray(name, useless)).returning({ key: idempotencyKeys.key })
  return pruned.length
}

function forgottenBefore(now: Date): Date {
  return new Date(now.getTime() - keptMilliseconds)
}

function named({ clientId, key }: Pick<IdempotentRequest, 'clientId' | 'key'>) {
  return and(eq(idempotencyKeys.clientId, clientId), eq(idempotencyKeys.key, key))
}

function answerOf(status: number, { text, headers }: Record<string, unknown>): KeptAnswer {
  const pairs =
    typeof headers === 'object' && headers !== null
      ? Object.entries(headers).map(([name, value]) => [name, String(value)])
      : []
  return { status, text: typeof text === 'string' ? text : '', headers: Object.fromEntries(pairs) }
}
