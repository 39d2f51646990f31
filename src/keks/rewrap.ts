import { requireServiceWide } from '../access/authorize.ts'
import { type ChangeServices, change } from '../access/change.ts'
import { noLock } from '../access/locks.ts'
import { requireExpectedRevision } from '../access/precondition.ts'
import type { Principal } from '../access/principal.ts'
import { EnvelopeError } from '../crypto/envelope.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { reloadKeyring } from '../signing-keys/keyring.ts'
import { advanceRingGeneration } from '../signing-keys/queries.ts'
import { type KekServices, liveKids } from './live-kids.ts'
import { readEnvelopes, replaceEnvelope, type StoredEnvelope } from './queries.ts'

export type RewrapView = {
  /** Id of the KEK that now seals all envelopes, except those in `left`. */
  kek: string
  envelopes: number
  /** How many this run moved. The others were moved by concurrent runs, or by an earlier one that was interrupted. */
  moved: number
  /** Kids of retired and revoked keys whose envelopes cannot be opened. They are left unchanged. */
  left: readonly string[]
}

/** Called after each step, so that tests can kill a run there. `row` counts from 1. */
type RewrapStep = (step: 'checked' | 'row_moved' | 'rows_moved', row: number) => void | Promise<void>

/**
 * Moves every envelope to the sealing KEK. First opens all of them: if the envelope of a live key cannot be opened,
 * throws `conflict` and writes nothing. Then updates each row with one conditional statement. If a run is killed, every
 * key stays readable and the next run continues where it stopped. Concurrent runs move each row once. Instances without
 * the sealing KEK cannot open moved envelopes, so configure it there first.
 */
export async function rewrapEnvelopes(
  services: ChangeServices & KekServices & Pick<Services, 'keyring'>,
  actor: Principal,
  { afterStep }: { afterStep?: RewrapStep } = {},
): Promise<RewrapView> {
  requireServiceWide(actor, 'keks.rewrap')
  requireExpectedRevision(actor, undefined) // before the first row moves
  const { db, keyEncryption } = services
  const kek = await keyEncryption.sealingKekId()
  const { moves, left, envelopes } = await planMoves(services)
  await afterStep?.('checked', 0)
  let moved = 0
  for (const [index, { stored, replacement }] of moves.entries()) {
    if (await replaceEnvelope(db, stored, replacement)) moved++
    await afterStep?.('row_moved', index + 1)
  }
  await afterStep?.('rows_moved', moves.length)
  const view = { kek, envelopes, moved, left }
  await change(services, actor, 'keks.rewrap', noLock, async (tx) => {
    await advanceRingGeneration(tx)
    return { view, event: { type: 'kek.rewrapped', subject: kek, context: view } }
  })
  await reloadKeyring(services)
  return view
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
