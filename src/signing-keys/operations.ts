import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import { refreshAfterCommit } from '../revocation/refresh-after-commit.ts'
import type { Services } from '../services.ts'
import { periodAt } from './activations.ts'
import { maintainSigningKeys } from './maintenance.ts'
import { type ActivationRow, isOnRevocationList, readRing } from './queries.ts'
import { type KeyLine, nextKey, periodsOf, type Ring, type RingKey, ringOf, standingOf } from './ring.ts'
import {
  appendActivation,
  type ChangeServices,
  changeRing,
  type LineInput,
  planNext,
  prepareKey,
  type RingChange,
  revokeKey,
  sightOf,
  turnedMeanwhile,
} from './ring-change.ts'
import { defaultAlgorithm } from './signer.ts'
import { type SigningKeyView, signingKeyView } from './view.ts'

export { createSigningKeys, maintainSigningKeys } from './maintenance.ts'
export { listSigningKeys, showSigningKey } from './read.ts'
export { selfTest } from './self-test.ts'

export type ForceInput = {
  /** Before the safe instant, for incidents: verifiers that do not hold the key yet cannot check its tokens until they fetch it. */
  readonly force?: boolean
  /** With force: the key that signed before is revoked, and with it every token that it signed. */
  readonly revokeFormer?: boolean
  readonly reason?: string | undefined
}

/**
 * The next key signs from now on, and another one is published after it. Throws `too_early` with the instant (`safeAt`) while verifiers
 * cannot be expected to hold the key: `force` goes over that. Throws `conflict` when the ring was turned by somebody else meanwhile: of
 * several at once one wins.
 */
export async function rotateSigningKey(
  services: ChangeServices,
  actor: Principal,
  { purpose, algorithm = defaultAlgorithm, ...options }: LineInput & ForceInput,
): Promise<SigningKeyView> {
  requireServiceWide(actor, 'signing_keys.rotate')
  await maintainSigningKeys(services)
  return await moveTo(services, actor, { algorithm, purpose }, options, 'rotated', (ring, now) => {
    const line = { algorithm, purpose }
    if (periodsOf(ring, line).length === 0)
      throw new ServiceError('not_found', { detail: 'The ring has no keys of this algorithm.' })
    const next = nextKey(ring, line, now)
    if (!next) throw turnedMeanwhile()
    return next
  })
}

/** As `rotateSigningKey`, for a pending key of the caller's choice. Throws `not_found`; `conflict` for a key that is not pending. */
export async function activateSigningKey(
  services: ChangeServices,
  actor: Principal,
  kid: string,
  options: ForceInput = {},
): Promise<SigningKeyView> {
  requireServiceWide(actor, 'signing_keys.rotate')
  const key = await findKey(services, kid)
  return await moveTo(services, actor, key, options, 'activated', (ring, now) => {
    const { state } = standingOf(ring, key, now)
    if (state !== 'pending')
      throw new ServiceError('conflict', { detail: `Only a pending key can be activated; this one is ${state}.` })
    return key
  })
}

/**
 * The key that signed before the active one signs again: every verifier still holds it, so that it needs no waiting. Throws `conflict` when
 * there is none, it is no longer published, or it was revoked: what is dead does not come back.
 */
export async function rollbackSigningKey(
  services: ChangeServices,
  actor: Principal,
  { purpose, algorithm = defaultAlgorithm, reason = 'rolled back' }: LineInput & { reason?: string | undefined },
): Promise<SigningKeyView> {
  requireServiceWide(actor, 'signing_keys.rotate')
  const line = { algorithm, purpose }
  const spare = await prepareKey(services, line)
  return await changeRing(services, line, async (work) => {
    const { ring } = await sightOf(work)
    const former = formerKey(ring, line, work.now)
    if (await isOnRevocationList(work.tx, former.kid)) throw revokedKey()
    const turn = await turnTo(work, former, { wanted: work.now, actor: actor.clientId, reason })
    await planNext(work, line, spare, actor.clientId, turn.activatesAt)
    const context = turnContext(turn, activeKid(ring, line, work.now), [])
    const event = {
      type: 'signing_key.rolled_back',
      actor,
      organizationId: null,
      subject: former.kid,
      reason,
      context,
    } as const
    return { result: await viewAfter(work, turn), events: [event] }
  })
}

/** Before `choose` is asked nothing was changed; it throws when there is no key to move to. */
async function moveTo(
  services: ChangeServices,
  actor: Principal,
  { algorithm, purpose }: KeyLine,
  { force = false, revokeFormer = false, reason }: ForceInput,
  verb: 'rotated' | 'activated',
  choose: (ring: Ring, now: Date) => RingKey,
): Promise<SigningKeyView> {
  if (revokeFormer && !force)
    throw new ServiceError('invalid_request', { detail: 'revokeFormer is for incidents: it goes with force.' })
  const line = { algorithm, purpose }
  const spare = await prepareKey(services, line)
  const view = await changeRing(services, line, async (work) => {
    const { ring } = await sightOf(work)
    const key = choose(ring, work.now)
    const { safeAt } = standingOf(ring, key, work.now)
    if (work.now < safeAt && !force) throw tooEarly(key, safeAt)
    if (await isOnRevocationList(work.tx, key.kid)) throw revokedKey()
    const why = reason ?? (force ? `${verb} by force` : verb)
    const former = activeKid(ring, line, work.now)
    const turn = await turnTo(work, key, { wanted: work.now, actor: actor.clientId, reason: why })
    const revoked = revokeFormer && former !== null ? [former] : []
    for (const kid of revoked) await revokeKey(work, { kid, purpose, actor, reason: why })
    await planNext(work, line, spare, actor.clientId, turn.activatesAt)
    const context = { ...turnContext(turn, former, revoked), forced: force }
    const about = {
      actor,
      organizationId: null,
      subject: key.kid,
      ...(reason === undefined ? {} : { reason }),
      context,
    }
    return { result: await viewAfter(work, turn), events: [{ type: `signing_key.${verb}`, ...about }] }
  })
  if (revokeFormer) await refreshAfterCommit(services)
  return view
}

async function turnTo(
  work: RingChange,
  key: RingKey,
  turn: { wanted: Date; actor: string; reason: string },
): Promise<ActivationRow> {
  return await appendActivation(work, key, { kid: key.kid, ...turn })
}

function turnContext(
  { purpose, algorithm, sequence, activatesAt }: ActivationRow,
  former: string | null,
  revoked: readonly string[],
) {
  return { purpose, algorithm, sequence, activatesAt: activatesAt.toISOString(), former, revoked }
}

/** At the instant of the turn: on a clock that has not moved since the last one that is a millisecond ahead. */
async function viewAfter(work: RingChange, { kid, activatesAt }: ActivationRow): Promise<SigningKeyView> {
  const { ring } = await sightOf(work)
  const key = ring.keys.find((each) => each.kid === kid)
  if (!key) throw new Error('the key that was just activated is not in the ring')
  return signingKeyView(ring, key, activatesAt > work.now ? activatesAt : work.now, undefined)
}

async function findKey({ db, config }: Pick<Services, 'db' | 'config'>, kid: string): Promise<RingKey> {
  const rows = await readRing(db)
  const key = rows && ringOf(rows, config).keys.find((each) => each.kid === kid)
  if (!key) throw new ServiceError('not_found')
  return key
}

function activeKid(ring: Ring, line: KeyLine, now: Date): string | null {
  return periodAt(periodsOf(ring, line), now.getTime())?.kid ?? null
}

function formerKey(ring: Ring, line: KeyLine, now: Date): RingKey {
  const active = activeKid(ring, line, now)
  const former = periodsOf(ring, line).findLast(({ kid, from }) => from <= now.getTime() && kid !== active)
  const key = ring.keys.find(({ kid }) => kid === former?.kid)
  if (!key) throw new ServiceError('conflict', { detail: 'No other key has signed before the active one.' })
  const { state } = standingOf(ring, key, now)
  if (state === 'revoked') throw revokedKey()
  if (state !== 'retiring')
    throw new ServiceError('conflict', { detail: 'The former key is no longer published: verifiers do not hold it.' })
  return key
}

function revokedKey(): ServiceError {
  return new ServiceError('conflict', {
    detail: 'The key was revoked: its tokens are refused, so that it never signs again.',
  })
}

function tooEarly({ publishedAt }: RingKey, safeAt: Date): ServiceError {
  const instant = safeAt.toISOString()
  const published = publishedAt.toISOString()
  return new ServiceError('too_early', {
    detail: `The key was published at ${published} and may sign from ${instant} on. Forced earlier, verifiers that hold an older key set cannot check its tokens: those of this kit ask for the new set and answer 503 until they have it, others refuse good tokens with 401 until they fetch it, at the latest at that instant.`,
    extensions: { safeAt: instant },
  })
}
