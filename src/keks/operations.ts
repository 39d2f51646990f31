import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import { EnvelopeError, kekIdOf } from '../crypto/envelope.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { advanceRingGeneration, readRing } from '../signing-keys/queries.ts'
import { isLive, ringOf } from '../signing-keys/ring.ts'
import { reloadKeyring } from '../signing-keys/ring-change.ts'
import { readEnvelopes, replaceEnvelope, type StoredEnvelope } from './queries.ts'

/** A KEK as the admin API shows it: its id and nothing of the key. */
export type KekView = {
  /** Null for envelopes whose text is damaged, so that their KEK is unknown. */
  id: string | null
  /**
   * seals: seals new envelopes and opens · opens: only opens · missing: not configured, so what it sealed does not
   * open.
   */
  use: 'seals' | 'opens' | 'missing'
  /** How many envelopes it sealed. */
  envelopes: number
  /**
   * How many of them belong to keys that are neither retired nor revoked: without their KEK the service does not start.
   */
  liveEnvelopes: number
}

export type RewrapView = {
  /** Id of the KEK that sealed all envelopes now, except those in `left`. */
  kek: string
  envelopes: number
  /** How many this run moved. The others were moved by concurrent runs, or by an earlier one that was interrupted. */
  moved: number
  /** Kids of retired and revoked keys whose envelopes do not open. They stay as they are. */
  left: readonly string[]
}

/** Called after each step, so that tests can kill a run there. `row` counts from 1. */
type RewrapStep = (step: 'checked' | 'row_moved' | 'rows_moved', row: number) => void | Promise<void>

type KekServices = Pick<Services, 'config' | 'db' | 'keyEncryption' | 'now'>

/**
 * The KEKs configured in this process, the sealing one first, and those that only envelopes name. Does not check that a
 * KEK answers.
 */
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
 * Moves every envelope to the sealing KEK. Opens all of them first: if one of a live key does not open, throws
 * `conflict` and writes nothing. Then each row is one conditional update. So if a run is killed, every key stays
 * readable and the next run continues where it stopped, and concurrent runs move each row once. Instances without the
 * sealing KEK cannot open what was moved: give it to them first.
 */
export async function rewrapEnvelopes(
  services: KekServices & Pick<Services, 'keyring' | 'log' | 'transaction'>,
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
  await services.transaction(async (tx) => {
    await advanceRingGeneration(tx)
    const context = { kek, envelopes, moved, left }
    await appendAuditEvent(tx, { type: 'kek.rewrapped', actor, organizationId: null, subject: kek, context }, now())
  })
  await reloadKeyring(services)
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

/** Kids of keys whose private part may still be needed, including those whose algorithm this version does not know. */
async function liveKids({ db, config, now }: KekServices): Promise<ReadonlySet<string>> {
  const rows = await readRing(db)
  if (!rows) return new Set()
  const ring = ringOf(rows, config)
  const dead = new Set(ring.keys.filter((key) => !isLive(ring, key, now())).map(({ kid }) => kid))
  return new Set(rows.keys.map(({ kid }) => kid).filter((kid) => !dead.has(kid)))
}
