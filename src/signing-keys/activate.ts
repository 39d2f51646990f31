import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { invalidRequest, ServiceError } from '../errors.ts'
import { isNamedByRule } from '../revocation/subject-queries.ts'
import type { Services } from '../services.ts'
import { planNext } from './plan.ts'
import { type ActivationRow, readRing } from './queries.ts'
import { activeKid, findKey, type KeySeries, lifecycleOf, type Ring, type RingKey, ringOf } from './ring.ts'
import {
  appendActivation,
  changeRing,
  type RingChange,
  type RingGate,
  type RingServices,
  readChangedKey,
  readSnapshot,
  revokeKeys,
} from './ring-change.ts'
import { generateSealedKey } from './sealed-key.ts'
import { type RingTrial, tryRing } from './trial.ts'
import { type SigningKeyView, signingKeyView } from './view.ts'

export type ForceInput = {
  /**
   * For incidents: activate before the safe time. Until verifiers have fetched the key, they cannot verify its tokens.
   */
  readonly force?: boolean
  /** With force: also revokes the key that signed before, and every token that it signed. */
  readonly revokeFormer?: boolean
  readonly reason?: string | undefined
}

type ChosenActivation = ForceInput & { readonly series: KeySeries; readonly verb: 'rotated' | 'activated' }

/**
 * Activates the named pending key now, and publishes another key to follow it. Throws `not_found`; `too_early` as
 * `rotateSigningKey` does; `conflict` if the key is not pending, or if the ring was changed in the meantime.
 */
export async function activateSigningKey(
  services: RingServices,
  actor: Principal,
  kid: string,
  options: ForceInput = {},
): Promise<SigningKeyView> {
  return await activateBy(changeRing, services, actor, kid, options)
}

/** What `activateSigningKey` would do. Writes nothing. Throws the same. */
export async function tryActivatingSigningKey(
  services: RingServices,
  actor: Principal,
  kid: string,
  options: ForceInput = {},
): Promise<RingTrial> {
  return await activateBy(tryRing, services, actor, kid, options)
}

async function activateBy<Answer>(
  gate: RingGate<SigningKeyView, Answer>,
  services: RingServices,
  actor: Principal,
  kid: string,
  options: ForceInput,
): Promise<Answer> {
  requireServiceWide(actor, 'signing_keys.rotate')
  const key = await requireKey(services, kid)
  return await activateChosen(gate, services, actor, { ...options, series: key, verb: 'activated' }, (ring, now) => {
    const { state } = lifecycleOf(ring, key, now)
    if (state !== 'pending')
      throw new ServiceError('conflict', { detail: `Only a pending key can be activated; this one is ${state}.` })
    return key
  })
}

/** `choose` picks the key to activate, before anything is written. It throws if it finds none. */
export async function activateChosen<Answer>(
  gate: RingGate<SigningKeyView, Answer>,
  services: RingServices,
  actor: Principal,
  { series: { algorithm, purpose }, verb, force = false, revokeFormer = false, reason }: ChosenActivation,
  choose: (ring: Ring, now: Date) => RingKey,
): Promise<Answer> {
  if (revokeFormer && !force)
    throw invalidRequest('revokeFormer is allowed only together with force. Use both only in an incident.')
  const series = { algorithm, purpose }
  const prepared = await generateSealedKey(services, series)
  return await gate(services, actor, 'signing_keys.rotate', series, async (change) => {
    const { ring } = await readSnapshot(change)
    const key = choose(ring, change.now)
    const { safeAt } = lifecycleOf(ring, key, change.now)
    if (change.now < safeAt && !force) throw tooEarly(key, safeAt)
    const previous = activeKid(ring, series, change.now)
    const why = reason ?? (force ? `${verb} by force` : verb)
    const activation = await activateNow(change, key, actor, why)
    const revoked = revokeFormer && previous !== null ? [previous] : []
    await revokeKeys(change, { kids: revoked, purpose, actor, reason: why }, () =>
      planNext(change, series, prepared, actor.clientId, activation.activatesAt),
    )
    const context = { ...activationContext(activation, previous, revoked), forced: force }
    const event = { subject: key.kid, ...(reason === undefined ? {} : { reason }), context }
    return { view: await viewAfter(change, activation), event: { type: `signing_key.${verb}`, ...event } }
  })
}

/** Throws `conflict` if a revocation rule already refuses the key's tokens. */
export async function activateNow(
  change: RingChange,
  key: RingKey,
  actor: Principal,
  reason: string,
): Promise<ActivationRow> {
  if (await isNamedByRule(change.tx, 'signing_key', key.kid)) throw keyIsRevoked()
  return await appendActivation(change, key, { kid: key.kid, wanted: change.now, actor: actor.clientId, reason })
}

/** The context for the audit event of an activation. */
export function activationContext(
  { purpose, algorithm, sequence, activatesAt }: ActivationRow,
  previous: string | null,
  revoked: readonly string[],
) {
  return { purpose, algorithm, sequence, activatesAt: activatesAt.toISOString(), former: previous, revoked }
}

/**
 * The view at the time of the activation. If the clock has not moved since the previous activation, that time is a
 * millisecond in the future.
 */
export async function viewAfter(change: RingChange, { kid, activatesAt }: ActivationRow): Promise<SigningKeyView> {
  const { ring, key } = await readChangedKey(change, kid)
  return signingKeyView(ring, key, activatesAt > change.now ? activatesAt : change.now, undefined)
}

export function keyIsRevoked(): ServiceError {
  return new ServiceError('conflict', {
    detail: 'The key is revoked. Its tokens are refused, so it must not sign again. Choose another key.',
  })
}

async function requireKey({ db, config }: Pick<Services, 'db' | 'config'>, kid: string): Promise<RingKey> {
  const rows = await readRing(db)
  const key = rows && findKey(ringOf(rows, config), kid)
  if (!key) throw new ServiceError('not_found')
  return key
}

function tooEarly({ publishedAt }: RingKey, safeAt: Date): ServiceError {
  const safe = safeAt.toISOString()
  return new ServiceError('too_early', {
    detail: `The key was published at ${publishedAt.toISOString()} and may sign from ${safe} on. Wait until then, or force it in an incident: until they fetch the new key set, at the latest at that time, verifiers of this kit answer 503 and others refuse good tokens with 401.`,
    extensions: { safeAt: safe },
  })
}
