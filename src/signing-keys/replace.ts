import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import { planNext } from './plan.ts'
import { activeKey, type KeySeries, keysOf, lifecycleOf, nextKey, type Ring, type RingKey } from './ring.ts'
import {
  appendActivation,
  changeRing,
  publishKey,
  type RingChange,
  type RingGate,
  type RingServices,
  readSnapshot,
  revokeKeys,
  type SeriesInput,
} from './ring-change.ts'
import { generateSealedKey, type SealedKey } from './sealed-key.ts'
import { defaultAlgorithm } from './signer.ts'
import { type RingTrial, tryRing } from './trial.ts'
import { type SigningKeyView, signingKeyView } from './view.ts'

type Compromise = SeriesInput & {
  /** The key that leaked. Default: the active one. */
  readonly kid?: string | undefined
  /** The pending keys may have leaked with the active one, so they are revoked too and a new key signs. */
  readonly distrustPending?: boolean
  readonly reason?: string | undefined
}

export type Replacement = {
  /** Null only for an algorithm whose first key is not active yet. */
  readonly active: SigningKeyView | null
  /** The pending key with its planned activation. Null only if none is planned. */
  readonly next: SigningKeyView | null
  readonly revoked: SigningKeyView[]
}

/**
 * Replaces a key that leaked, in one transaction. The pending key, which verifiers already hold, signs immediately. The
 * leaked key leaves the set and gets a revocation rule that never expires, so that every token under it is refused. A
 * new pending key is published.
 *
 * With `distrustPending` the pending keys are revoked too and a new key signs, which verifiers must fetch first. Until
 * then this kit answers 503, other verifiers 401.
 *
 * If the leaked key is pending or retiring, it is revoked and the active key stays active. A record key does not sign
 * tokens: it is marked as revoked in its set and gets no rule. Throws `not_found`, and `conflict` for a key that is
 * already revoked or retired.
 */
export async function replaceSigningKey(
  services: RingServices,
  actor: Principal,
  compromise: Compromise,
): Promise<Replacement> {
  return await replaceBy(changeRing, services, actor, compromise)
}

/** What `replaceSigningKey` would do. Writes nothing. Throws the same. */
export async function tryReplacingSigningKey(
  services: RingServices,
  actor: Principal,
  compromise: Compromise,
): Promise<RingTrial> {
  return await replaceBy(tryRing, services, actor, compromise)
}

async function replaceBy<Answer>(
  gate: RingGate<Replacement, Answer>,
  services: RingServices,
  actor: Principal,
  { purpose, algorithm = defaultAlgorithm, kid, distrustPending = false, reason = 'key compromised' }: Compromise,
): Promise<Answer> {
  requireServiceWide(actor, 'signing_keys.replace')
  const series = { algorithm, purpose }
  const fresh = await generateSealedKey(services, series)
  const prepared = await generateSealedKey(services, series)
  return await gate(services, actor, 'signing_keys.replace', series, async (change) => {
    const { ring } = await readSnapshot(change)
    const leaked = leakedKey(ring, series, kid, change.now)
    const distrusted = distrustPending ? pendingKeys(ring, series, change.now).filter((key) => key !== leaked) : []
    const dead = [leaked, ...distrusted]
    const isActive = activeKey(ring, series, change.now) === leaked
    const activatedAt = isActive
      ? await activateSuccessor(change, series, { ring, dead, fresh, actor: actor.clientId, reason })
      : change.now
    const kids = dead.map((key) => key.kid)
    await revokeKeys(change, { kids, purpose, actor, reason }, () =>
      planNext(change, series, prepared, actor.clientId, activatedAt),
    )
    const view = await replacementOf(change, series, dead)
    const fates = { kid: view.active?.kid ?? null, distrusted: distrusted.map((key) => key.kid) }
    const context = { purpose, algorithm, ...fates }
    return { view, event: { type: 'signing_key.replaced', subject: leaked.kid, reason, context } }
  })
}

function leakedKey(ring: Ring, series: KeySeries, kid: string | undefined, now: Date): RingKey {
  const leaked = kid === undefined ? activeKey(ring, series, now) : keysOf(ring, series).find((key) => key.kid === kid)
  if (!leaked) throw new ServiceError('not_found')
  const { state } = lifecycleOf(ring, leaked, now)
  if (state === 'revoked') throw new ServiceError('conflict', { detail: 'This key is already revoked.' })
  if (state === 'retired') {
    throw new ServiceError('conflict', {
      detail: 'This key is retired: it is no longer published, and every token that it signed has expired.',
    })
  }
  return leaked
}

function pendingKeys(ring: Ring, series: KeySeries, now: Date): RingKey[] {
  return keysOf(ring, series).filter((key) => lifecycleOf(ring, key, now).state === 'pending')
}

type Succession = {
  readonly ring: Ring
  readonly dead: readonly RingKey[]
  readonly fresh: SealedKey
  readonly actor: string
  readonly reason: string
}

/** Activates the next key that is not in `dead`, or the fresh one if there is none. Returns when it takes effect. */
async function activateSuccessor(change: RingChange, series: KeySeries, succession: Succession): Promise<Date> {
  const { ring, dead, fresh, actor, reason } = succession
  const trusted = { ...ring, keys: ring.keys.filter((key) => !dead.includes(key)) }
  const successor = nextKey(trusted, series, change.now)
  if (!successor) await publishKey(change, fresh, actor)
  // Backdated by the clock tolerance, so that an instance with a slow clock does not sign another token with the leaked
  // key.
  const wanted = new Date(change.now.getTime() - change.config.clockToleranceSeconds * 1000)
  const { kid } = successor ?? fresh
  return (await appendActivation(change, series, { kid, wanted, actor, reason })).activatesAt
}

async function replacementOf(change: RingChange, series: KeySeries, dead: readonly RingKey[]): Promise<Replacement> {
  const { ring } = await readSnapshot(change)
  const view = (key: RingKey) => signingKeyView(ring, key, now, undefined)
  // If the clock has not moved since the previous activation, the new key becomes active a millisecond from now.
  const now = activeKey(ring, series, change.now) ? change.now : new Date(change.now.getTime() + 1)
  const active = activeKey(ring, series, now)
  const next = nextKey(ring, series, now)
  const revoked = keysOf(ring, series).filter(({ kid }) => dead.some((key) => key.kid === kid))
  return { active: active ? view(active) : null, next: next ? view(next) : null, revoked: revoked.map(view) }
}
