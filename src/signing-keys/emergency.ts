import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import { refreshAfterCommit } from '../revocation/refresh-after-commit.ts'
import { activeKey, type KeyLine, keysOf, nextKey, type Ring, type RingKey, standingOf } from './ring.ts'
import {
  appendActivation,
  type ChangeServices,
  changeRing,
  type LineInput,
  planNext,
  prepareKey,
  publishKey,
  type RingChange,
  revokeKey,
  sightOf,
} from './ring-change.ts'
import { defaultAlgorithm } from './signer.ts'
import { type SigningKeyView, signingKeyView } from './view.ts'

export type Compromise = LineInput & {
  /** Which key leaked; the active one when left out. */
  readonly kid?: string | undefined
  /** Whoever got the active key may have got the published ones as well: they are revoked too, and a fresh key signs. */
  readonly distrustPending?: boolean
  readonly reason?: string | undefined
}

export type Replacement = {
  /** Null only for an algorithm whose first key has not had its turn. */
  readonly active: SigningKeyView | null
  /** Published now as the next one, with its instant; null only where nothing is planned. */
  readonly next: SigningKeyView | null
  readonly revoked: SigningKeyView[]
}

/**
 * A key leaked. In one transaction: the pending key, which verifiers hold already, signs at once; the leaked one leaves the set and gets a
 * revocation rule without end, so that every token under it dies; a new pending key is published. With `distrustPending` the pending keys die
 * with it and a fresh key signs, which verifiers have to fetch first: 503 until then with this kit, 401 with others.
 *
 * A leaked key that does not sign (pending or retiring) is revoked and the active one goes on. A record key signs no tokens: it is marked
 * as revoked in its set and gets no rule. Throws `not_found`; `conflict` for a key that was revoked before, or is retired and signs nothing
 * that lives.
 */
export async function replaceSigningKey(
  services: ChangeServices,
  actor: Principal,
  { purpose, algorithm = defaultAlgorithm, kid, distrustPending = false, reason = 'key compromised' }: Compromise,
): Promise<Replacement> {
  requireServiceWide(actor, 'signing_keys.replace')
  const line = { algorithm, purpose }
  const [fresh, spare] = [await prepareKey(services, line), await prepareKey(services, line)]
  const replacement = await changeRing(services, line, async (work) => {
    const { ring } = await sightOf(work)
    const leaked = leakedKey(ring, line, kid, work.now)
    const distrusted = distrustPending
      ? keysOf(ring, line).filter((key) => isPending(ring, key, work.now) && key.kid !== leaked.kid)
      : []
    const dead = [leaked, ...distrusted]
    let turnedAt = work.now
    if (activeKey(ring, line, work.now)?.kid === leaked.kid) {
      const successor = nextKey({ ...ring, keys: ring.keys.filter((key) => !dead.includes(key)) }, line, work.now)
      if (!successor) await publishKey(work, fresh, actor.clientId)
      // Backdated by what clocks may differ: no instance may sign one more token with the leaked key because its clock is behind.
      const wanted = new Date(work.now.getTime() - work.config.clockToleranceSeconds * 1000)
      const turn = { kid: successor?.kid ?? fresh.kid, wanted, actor: actor.clientId, reason }
      turnedAt = (await appendActivation(work, line, turn)).activatesAt
    }
    for (const key of dead) await revokeKey(work, { kid: key.kid, purpose, actor, reason })
    await planNext(work, line, spare, actor.clientId, turnedAt)
    const result = await replacementOf(work, line, dead)
    const context = {
      purpose,
      algorithm,
      kid: result.active?.kid ?? null,
      distrusted: distrusted.map((key) => key.kid),
    }
    const event = {
      type: 'signing_key.replaced',
      actor,
      organizationId: null,
      subject: leaked.kid,
      reason,
      context,
    } as const
    return { result, events: [event] }
  })
  await refreshAfterCommit(services)
  return replacement
}

function leakedKey(ring: Ring, line: KeyLine, kid: string | undefined, now: Date): RingKey {
  const leaked = kid === undefined ? activeKey(ring, line, now) : keysOf(ring, line).find((key) => key.kid === kid)
  if (!leaked) throw new ServiceError('not_found')
  const { state } = standingOf(ring, leaked, now)
  if (state === 'revoked') throw new ServiceError('conflict', { detail: 'This key was revoked before.' })
  if (state === 'retired') {
    throw new ServiceError('conflict', {
      detail: 'This key is retired: no verifier holds it, and no token that it signed is alive.',
    })
  }
  return leaked
}

function isPending(ring: Ring, key: RingKey, now: Date): boolean {
  return standingOf(ring, key, now).state === 'pending'
}

async function replacementOf(work: RingChange, line: KeyLine, dead: readonly RingKey[]): Promise<Replacement> {
  const { ring } = await sightOf(work)
  const view = (key: RingKey) => signingKeyView(ring, key, now, undefined)
  // Right after a turn on a clock that has not moved, the new key begins a millisecond ahead.
  const now = activeKey(ring, line, work.now) ? work.now : new Date(work.now.getTime() + 1)
  const active = activeKey(ring, line, now)
  const next = nextKey(ring, line, now)
  const revoked = keysOf(ring, line).filter(({ kid }) => dead.some((key) => key.kid === kid))
  return { active: active ? view(active) : null, next: next ? view(next) : null, revoked: revoked.map(view) }
}
