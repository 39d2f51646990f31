import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import { EnvelopeError, kekIdOf } from '../crypto/envelope.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { advanceRingGeneration, readRing } from '../signing-keys/queries.ts'
import { ringOf } from '../signing-keys/ring.ts'
import { isLive } from '../signing-keys/self-test.ts'
import { readEnvelopes, replaceEnvelope, type StoredEnvelope } from './queries.ts'

/** A KEK as the admin API shows it: its id and nothing of the key. */
export type KekView = {
  /** Null for envelopes whose text is damaged, so that nobody can tell what sealed them. */
  id: string | null
  /** seals: new envelopes, and opens · opens: only · missing: not configured, so what it sealed does not open. */
  use: 'seals' | 'opens' | 'missing'
  /** How many it sealed. */
  envelopes: number
  /** How many of these belong to keys that are neither retired nor revoked: without their KEK the service does not start. */
  liveEnvelopes: number
}

export type RewrapView = {
  /** The KEK that all of them are sealed with now, but for those left. */
  kek: string
  envelopes: number
  /** How many this run moved; concurrent runs and an interrupted one before it moved the others. */
  moved: number
  /** Kids of retired and revoked keys whose envelopes do not open and stay as they are. */
  left: readonly string[]
}

/** Called after each step: tests end a run here. `row` counts from 1. */
export type RewrapStep = (step: 'checked' | 'row_moved' | 'rows_moved', row: number) => void | Promise<void>

type KekServices = Pick<Services, 'config' | 'db' | 'keyEncryption' | 'now'>

/** Those configured in this process, the sealing one first, and those that envelopes name but nobody configured. Asks no KEK whether it answers. */
export async function kekStatus(services: KekServices, actor: Principal): Promise<KekView[]> {
  requireServiceWide(actor, 'keks.read')
  const { keyEncryption } = services
  const sealing = await keyEncryption.sealingKekId()
  const envelopes = (await readEnvelopes(services.db)).map((stored) => ({
    id: stored.id,
    kek: kekIdOf(stored.envelope) ?? null,
  }))
  const live = await liveKids(services)
  const ids = new Set<string | null>([sealing, ...keyEncryption.kekIds, ...envelopes.map(({ kek }) => kek)])
  const views = [...ids].map(async (id): Promise<KekView> => {
    const sealed = envelopes.filter(({ kek }) => kek === id)
    const use = id === sealing ? 'seals' : id !== null && (await keyEncryption.holds(id)) ? 'opens' : 'missing'
    return {
      id,
      use,
      envelopes: sealed.length,
      liveEnvelopes: sealed.filter((envelope) => live.has(envelope.id)).length,
    }
  })
  return await Promise.all(views)
}

/**
 * Moves every envelope to the sealing KEK. All of them are opened first: when one of a live key does not open, throws `conflict` and
 * nothing is written. Then each row is one conditional update, so that a run which dies leaves every key readable, the next one
 * goes on where it ended, and several at once move each row once. Instances that lack the sealing KEK cannot open what was
 * moved: they get it first.
 */
export async function rewrapEnvelopes(
  services: KekServices & Pick<Services, 'keyring' | 'log'>,
  actor: Principal,
  { afterStep }: { afterStep?: RewrapStep } = {},
): Promise<RewrapView> {
  requireServiceWide(actor, 'keks.rewrap')
  const { db, keyEncryption, now } = services
  const kek = await keyEncryption.sealingKekId()
  const { moves, left, envelopes } = await planMoves(services)
  await afterStep?.('checked', 0)
  let moved = 0
  for (const [index, { stored, replacement }] of moves.entries()) {
    if (await replaceEnvelope(db, stored, replacement)) moved++
    await afterStep?.('row_moved', index + 1)
  }
  await afterStep?.('rows_moved', moves.length)
  await db.transaction(async (tx) => {
    await advanceRingGeneration(tx)
    const context = { kek, envelopes, moved, left }
    await appendAuditEvent(tx, { type: 'kek.rewrapped', actor, organizationId: null, subject: kek, context }, now())
  })
  // Whoever signs next brings the new generation and reloads by itself: the envelopes are moved, whatever happens here.
  await services.keyring
    .reload()
    .catch((error: unknown) => services.log('warn', 'signing_keys.reload_failed', { error }))
  return { kek, envelopes, moved, left }
}

type Plan = { envelopes: number; moves: { stored: StoredEnvelope; replacement: string }[]; left: string[] }

async function planMoves(services: KekServices): Promise<Plan> {
  const live = await liveKids(services)
  const stored = await readEnvelopes(services.db)
  const plan: Plan = { envelopes: stored.length, moves: [], left: [] }
  const faults: string[] = []
  for (const each of stored) {
    try {
      const replacement = await services.keyEncryption.rewrap(each.envelope, each.context)
      if (replacement !== each.envelope) plan.moves.push({ stored: each, replacement })
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error
      if (live.has(each.id)) faults.push(error.message)
      else plan.left.push(each.id)
    }
  }
  if (faults.length > 0) throw new ServiceError('conflict', { detail: `Nothing was moved: ${faults.join('; ')}.` })
  return plan
}

/** Kids of keys whose private part may still be needed; those with an algorithm that this version does not know are among them. */
async function liveKids({ db, config, now }: KekServices): Promise<ReadonlySet<string>> {
  const rows = await readRing(db)
  if (!rows) return new Set()
  const ring = ringOf(rows, config)
  const dead = new Set(ring.keys.filter((key) => !isLive(ring, key, now())).map(({ kid }) => kid))
  return new Set(rows.keys.map(({ kid }) => kid).filter((kid) => !dead.has(kid)))
}
