import type { Principal } from '../access/principal.ts'
import type { AuditEvent } from '../audit/events.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { addRevocationRule } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'
import { nextActivation, periodAt } from './activations.ts'
import { generateKeyPair, type KeyPair } from './key-pair.ts'
import { activationSafeAt } from './lifecycle.ts'
import {
  type ActivationRow,
  advanceRingGeneration,
  insertActivation,
  insertSigningKey,
  lockRing,
  markSigningKeyRevoked,
  type NewSigningKey,
  type RingRows,
  readRing,
} from './queries.ts'
import { historyOf, type KeyLine, nextKey, periodsOf, type Ring, ringOf } from './ring.ts'
import { sealPrivateKey } from './sealing.ts'
import type { Algorithm, KeyPurpose } from './signer.ts'

export type ChangeServices = Pick<
  Services,
  'config' | 'db' | 'keyEncryption' | 'keyring' | 'log' | 'now' | 'revocations'
>

/** Which line of the ring is meant; ES256 when no algorithm is named. */
export type LineInput = { readonly purpose: KeyPurpose; readonly algorithm?: Algorithm }

/** What a change of the ring works with: the transaction, which holds the ring's lock, and the instant at which it happens. */
export type RingChange = { readonly tx: Db; readonly now: Date; readonly config: Services['config'] }

/** The ring as a statement of the change sees it now, its own writes included. */
export type RingSight = { readonly rows: RingRows; readonly ring: Ring }

/**
 * Changes one line of the ring: under the ring's lock, in one transaction with its audit events, which `change` gives beside its result.
 * Throws `conflict` when somebody else changed the line after the caller asked: of several at once one wins.
 */
export async function changeRing<Result>(
  services: ChangeServices,
  line: KeyLine,
  change: (work: RingChange) => Promise<{ result: Result; events: readonly AuditEvent[] }>,
): Promise<Result> {
  const seen = latestSequence(await requireRing(services.db), line)
  const changed = await services.db.transaction(async (tx) => {
    await lockRing(tx)
    const now = services.now()
    if (latestSequence(await requireRing(tx), line) !== seen) throw turnedMeanwhile()
    const { result, events } = await change({ tx, now, config: services.config })
    await advanceRingGeneration(tx)
    for (const event of events) await appendAuditEvent(tx, event, now)
    return result
  })
  // Whoever signs next brings the new generation and reloads by itself: the change stands, whatever happens here.
  await services.keyring
    .reload()
    .catch((error: unknown) => services.log('warn', 'signing_keys.reload_failed', { error }))
  return changed
}

/** The key never signs again and leaves the set; a token key takes every token with it that it signed. */
export async function revokeKey(
  { tx, now, config: { clockToleranceSeconds } }: RingChange,
  { kid, purpose, actor, reason }: { kid: string; purpose: KeyPurpose; actor: Principal; reason: string },
): Promise<void> {
  if (!(await markSigningKeyRevoked(tx, { kid, by: actor.clientId, reason }, now))) throw new ServiceError('conflict')
  if (purpose !== 'token') return
  const effectiveAt = new Date(now.getTime() - clockToleranceSeconds * 1000)
  const about = { organizationId: null, reason, actor: actor.clientId }
  await addRevocationRule(
    tx,
    { kind: 'signing_key', value: kid, effectiveAt, expires: 'never', ...about },
    clockToleranceSeconds,
    now,
  )
}

/** Throws when no ring was made yet. */
export async function requireRing(db: Db): Promise<RingRows> {
  const rows = await readRing(db)
  if (!rows) throw new Error('the database is empty: no key ring was made yet')
  return rows
}

export async function sightOf({ tx, config }: RingChange): Promise<RingSight> {
  const rows = await requireRing(tx)
  return { rows, ring: ringOf(rows, config) }
}

/** A key that is ready to be written: made and sealed before the transaction, which shall not wait for RSA or a distant KEK. */
export type SealedKey = Pick<NewSigningKey, 'kid' | 'publicJwk' | 'sealedPrivateKey' | 'origin'> & KeyLine

export async function prepareKey(
  { keyEncryption }: Pick<Services, 'keyEncryption'>,
  line: KeyLine,
): Promise<SealedKey> {
  return await sealKey({ keyEncryption }, line, await generateKeyPair(line.algorithm), 'generated')
}

export async function sealKey(
  { keyEncryption }: Pick<Services, 'keyEncryption'>,
  { algorithm, purpose }: KeyLine,
  { kid, publicJwk, privateJwk }: KeyPair,
  origin: 'generated' | 'imported',
): Promise<SealedKey> {
  const sealedPrivateKey = await sealPrivateKey(keyEncryption, { kid, purpose, algorithm }, privateJwk)
  return { kid, algorithm, purpose, publicJwk, sealedPrivateKey, origin }
}

/** From now on the key is in the public set. */
export async function publishKey({ tx, now }: RingChange, key: SealedKey, actor: string): Promise<void> {
  await insertSigningKey(tx, { ...key, createdAt: now, createdBy: actor, publishedAt: now })
}

/** Appends to the history of the line: the key signs from the wanted instant on, and what was planned after it is overtaken. */
export async function appendActivation(
  work: RingChange,
  line: KeyLine,
  turn: { kid: string; wanted: Date; actor: string; reason: string },
): Promise<ActivationRow> {
  const { algorithm, purpose } = line
  const { kid, wanted, actor, reason } = turn
  const next = nextActivation(historyOf((await sightOf(work)).rows, line), kid, wanted, work.now)
  const activation = { ...next, algorithm, purpose, createdAt: work.now, actor, reason }
  await insertActivation(work.tx, activation)
  return activation
}

export type Planned = { readonly kid: string; readonly activatesAt: Date; readonly published: boolean }

/**
 * Sees to it that the line has a next key with its instant: a pending one that is there, or else the spare, which is published then. It takes
 * over when the active one has signed for a rotation interval, never before it is safe. Undefined when that is so already. `turnedAt`: when the
 * active key took over by the same change, which may be a millisecond ahead.
 */
export async function planNext(
  work: RingChange,
  line: KeyLine,
  spare: SealedKey,
  actor: string,
  turnedAt: Date = work.now,
): Promise<Planned | undefined> {
  const { ring, rows } = await sightOf(work)
  const at = turnedAt > work.now ? turnedAt : work.now
  if (hasPlan(ring, line, at)) return undefined
  const pending = nextKey(ring, line, at)
  if (!pending) await publishKey(work, spare, actor)
  const { kid, publishedAt } = pending ?? { kid: spare.kid, publishedAt: work.now }
  const active = periodAt(periodsOf(ring, line), at.getTime())
  const due = active ? active.from + work.config.rotateEverySeconds * 1000 : 0
  const safeAt = activationSafeAt({ kid, publishedAt, revokedAt: null }, ring.timing)
  const wanted = new Date(Math.max(due, safeAt.getTime()))
  const dead = plansOf(ring, line, at).find(({ isLive }) => !isLive)
  if (active && dead && dead.from < wanted.getTime()) {
    // The plan is only written over, never deleted: a revoked key must not have its turn before the next one can have it.
    const reason = 'the planned key was revoked'
    await appendActivation(work, line, { kid: active.kid, wanted: at, actor, reason })
  }
  const reason = historyOf(rows, line).length === 0 ? 'first of its algorithm' : 'rotation interval'
  const { activatesAt } = await appendActivation(work, line, { kid, wanted, actor, reason })
  return { kid, activatesAt, published: !pending }
}

/** Whether the line has a next key with its instant, and no revoked one has a turn. */
export function hasPlan(ring: Ring, line: KeyLine, now: Date): boolean {
  const plans = plansOf(ring, line, now)
  return plans.length > 0 && plans.every(({ isLive }) => isLive)
}

function plansOf(ring: Ring, line: KeyLine, now: Date): { from: number; isLive: boolean }[] {
  const ahead = periodsOf(ring, line).filter(({ from }) => from > now.getTime())
  return ahead.map(({ kid, from }) => ({ from, isLive: ring.keys.some((key) => key.kid === kid && !key.revokedAt) }))
}

function latestSequence(rows: RingRows, line: KeyLine): number {
  return Math.max(0, ...historyOf(rows, line).map(({ sequence }) => sequence))
}

export function turnedMeanwhile(): ServiceError {
  return new ServiceError('conflict', {
    detail: 'The key ring was changed by somebody else at the same time. Look at it and decide again.',
  })
}
