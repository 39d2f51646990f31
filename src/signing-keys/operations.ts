import { authorize } from '../access/authorize.ts'
import { type Principal, systemPrincipal } from '../access/principal.ts'
import type { AuditEvent } from '../audit/events.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { nextActivation } from './activations.ts'
import { generateKeyPair } from './key-pair.ts'
import { activationSafeAt, keyTiming } from './lifecycle.ts'
import {
  type ActivationRow,
  advanceRingGeneration,
  insertActivation,
  insertSigningKey,
  lockRing,
  type RingRows,
  readRing,
  type SigningKeyRow,
} from './queries.ts'
import { keyPurposes, pendingKey, ringOf, standingOf } from './ring.ts'
import { openSigner, sealPrivateKey } from './sealing.ts'
import type { Algorithm, KeyPurpose } from './signer.ts'
import { type SigningKeyView, signingKeyView } from './view.ts'

type RingServices = Pick<Services, 'config' | 'keyEncryption' | 'platform'>

const algorithm: Algorithm = 'ES256'

/**
 * The ring of the first start: for each purpose one active key and one published pending key, whose activation is written down for
 * the end of the rotation interval. The caller holds the lock of the first start; on a ring that exists it fails.
 */
export async function createSigningKeys(tx: Db, services: RingServices, now: Date, actor: string): Promise<void> {
  for (const purpose of keyPurposes) {
    const first = await addKey(tx, services, purpose, now)
    const activation = { sequence: 1, kid: first.kid, activatesAt: now }
    await insertActivation(tx, { ...activation, algorithm, purpose, createdAt: now, actor, reason: 'first start' })
    await addPendingKey(tx, services, purpose, now, actor)
  }
  await advanceRingGeneration(tx)
}

/** All keys that ever were, oldest first, both purposes. */
export async function listSigningKeys(services: Pick<Services, 'db' | 'now' | 'config'>, actor: Principal): Promise<SigningKeyView[]> {
  requireServiceWide(actor, 'signing_keys.read')
  const rows = await readRing(services.db)
  if (!rows) return []
  const ring = ringOf(rows, services.config)
  const now = services.now()
  return ring.keys.map((key) => signingKeyView(key, standingOf(ring, key, now)))
}

/**
 * The pending key signs from now on, and a new one is published after it. Throws `too_early` with the instant (`safeAt`) while
 * verifiers cannot be expected to hold the pending key: `force` goes over that, and verifiers that refresh slowly then refuse good
 * tokens until they know the key. Throws `conflict` when the ring was turned by somebody else meanwhile: of several at once one wins.
 */
export async function rotateSigningKey(
  services: RingServices & Pick<Services, 'db' | 'now' | 'keyring' | 'log'>,
  actor: Principal,
  { purpose, force = false }: { purpose: KeyPurpose; force?: boolean },
): Promise<SigningKeyView> {
  requireServiceWide(actor, 'signing_keys.rotate')
  await maintainSigningKeys(services)
  const seen = latestSequence(await requireRing(services.db), purpose)
  const view = await services.db.transaction(async (tx) => {
    await lockRing(tx)
    const now = services.now()
    const before = await requireRing(tx)
    const next = pendingKey(ringOf(before, services.config), purpose, now)
    if (!next || latestSequence(before, purpose) !== seen) throw turnedMeanwhile()
    const { safeAt } = standingOf(ringOf(before, services.config), next, now)
    if (now < safeAt && !force) throw tooEarly(safeAt)
    const activation = nextActivation(historyOf(before, purpose), next.kid, now, now)
    const by = { algorithm, purpose, createdAt: now, actor: actor.clientId }
    await insertActivation(tx, { ...activation, ...by, reason: force ? 'rotated by force' : 'rotated' })
    await addPendingKey(tx, services, purpose, now, actor.clientId)
    await advanceRingGeneration(tx)
    const rotated = signingKeyView(next, standingOf(ringOf(await requireRing(tx), services.config), next, now))
    const { sequence, activatesAt } = activation
    const context = { purpose, algorithm, sequence, activatesAt: activatesAt.toISOString(), forced: force }
    await appendAuditEvent(tx, { type: 'signing_key.rotated', actor, organizationId: null, subject: next.kid, context }, now)
    return rotated
  })
  // Whoever signs next brings the new generation and reloads by itself: the rotation stands, whatever happens here.
  await services.keyring.reload().catch((error: unknown) => services.log('warn', 'signing_keys.reload_failed', { error }))
  return view
}

/**
 * Publishes the next key of each purpose that has none, as it is after time promoted the pending one. Costs one read when there is
 * nothing to do; several at once publish one.
 */
export async function maintainSigningKeys(services: RingServices & Pick<Services, 'db' | 'now'>): Promise<void> {
  if (purposesWithoutPending(await requireRing(services.db), services).length === 0) return
  await services.db.transaction(async (tx) => {
    await lockRing(tx)
    const now = services.now()
    const purposes = purposesWithoutPending(await requireRing(tx), services)
    if (purposes.length === 0) return
    const created: AuditEvent[] = []
    for (const purpose of purposes) {
      const { kid } = await addPendingKey(tx, services, purpose, now, systemPrincipal.clientId)
      const context = { purpose, algorithm }
      created.push({ type: 'signing_key.created', actor: systemPrincipal, organizationId: null, subject: kid, context })
    }
    await advanceRingGeneration(tx)
    for (const event of created) await appendAuditEvent(tx, event, now)
  })
}

/**
 * Opens every key that is not retired or revoked. Throws when one does not open, in words for the operator: the KEK it wants, or
 * what is damaged. Makes nothing new.
 */
export async function selfTest(services: RingServices & Pick<Services, 'db' | 'now'>): Promise<void> {
  const ring = ringOf(await requireRing(services.db), services.config)
  const now = services.now()
  for (const key of ring.keys) {
    const { state } = standingOf(ring, key, now)
    if (state !== 'retired' && state !== 'revoked') await openSigner(key, services)
  }
  for (const purpose of keyPurposes) {
    const active = ring.keys.some((key) => key.purpose === purpose && standingOf(ring, key, now).state === 'active')
    if (!active) throw new Error(`the key ring has no active ${purpose} key`)
  }
}

function requireServiceWide(actor: Principal, permission: 'signing_keys.read' | 'signing_keys.rotate'): void {
  if (authorize(actor, permission) !== 'everywhere') throw new ServiceError('permission_denied', { reason: permission })
}

async function requireRing(db: Db): Promise<RingRows> {
  const rows = await readRing(db)
  if (!rows) throw new Error('the database is empty: no key ring was made yet')
  return rows
}

function purposesWithoutPending(rows: RingRows, { config, now }: Pick<Services, 'config' | 'now'>): KeyPurpose[] {
  const ring = ringOf(rows, config)
  return keyPurposes.filter((purpose) => !pendingKey(ring, purpose, now()))
}

/** Publishes a new key and writes down when it takes over at the latest: at the end of the rotation interval, never before it is safe. */
async function addPendingKey(tx: Db, services: RingServices, purpose: KeyPurpose, now: Date, actor: string): Promise<SigningKeyRow> {
  const key = await addKey(tx, services, purpose, now)
  const rows = await requireRing(tx)
  const due = now.getTime() + services.config.rotateEverySeconds * 1000
  const safeAt = activationSafeAt(key, keyTiming(services.config, rows.largestTokenTtlSeconds))
  const activation = nextActivation(historyOf(rows, purpose), key.kid, new Date(Math.max(due, safeAt.getTime())), now)
  await insertActivation(tx, { ...activation, algorithm, purpose, createdAt: now, actor, reason: 'rotation interval' })
  return key
}

async function addKey(tx: Db, { keyEncryption }: RingServices, purpose: KeyPurpose, now: Date): Promise<SigningKeyRow> {
  const { kid, publicJwk, privateJwk } = await generateKeyPair(algorithm)
  const sealedPrivateKey = await sealPrivateKey(keyEncryption, { kid, purpose, algorithm }, privateJwk)
  const key = { kid, algorithm, purpose, publicJwk, sealedPrivateKey, createdAt: now, publishedAt: now, revokedAt: null }
  await insertSigningKey(tx, key)
  return key
}

function historyOf(rows: RingRows, purpose: KeyPurpose): ActivationRow[] {
  return rows.activations.filter((row) => row.purpose === purpose && row.algorithm === algorithm)
}

function latestSequence(rows: RingRows, purpose: KeyPurpose): number {
  return Math.max(0, ...historyOf(rows, purpose).map(({ sequence }) => sequence))
}

function turnedMeanwhile(): ServiceError {
  return new ServiceError('conflict', {
    detail: 'The key ring was changed by somebody else at the same time. Look at it and decide again.',
  })
}

function tooEarly(safeAt: Date): ServiceError {
  const instant = safeAt.toISOString()
  return new ServiceError('too_early', {
    detail: `The next key may sign from ${instant} on. Forced earlier, verifiers that hold the older key set refuse its tokens until they fetch the new one.`,
    extensions: { safeAt: instant },
  })
}
