import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import type { AuditEvent } from '../audit/events.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { type ForeignKey, readForeignKey } from './import.ts'
import { activationSafeAt } from './lifecycle.ts'
import { findSigningKey } from './queries.ts'
import { type KeyLine, periodsOf } from './ring.ts'
import {
  appendActivation,
  type ChangeServices,
  changeRing,
  planNext,
  prepareKey,
  publishKey,
  type RingChange,
  type SealedKey,
  sealKey,
  sightOf,
} from './ring-change.ts'
import type { Algorithm, KeyPurpose } from './signer.ts'
import { type SigningKeyView, signingKeyView } from './view.ts'

/**
 * Makes the first key of another algorithm: published now, active from the instant at which verifiers can be expected to hold it. Until then
 * no token can be had by that algorithm. Throws `conflict` when the ring has keys of it.
 */
export async function addSigningKey(
  services: ChangeServices,
  actor: Principal,
  { algorithm }: { algorithm: Algorithm },
): Promise<SigningKeyView> {
  requireServiceWide(actor, 'signing_keys.add')
  const line: KeyLine = { algorithm, purpose: 'token' }
  const key = await prepareKey(services, line)
  return await changeRing(services, line, async (work) => {
    const { ring } = await sightOf(work)
    if (periodsOf(ring, line).length > 0) {
      throw new ServiceError('conflict', {
        detail: 'The ring has keys of this algorithm: it turns by itself, or by rotate.',
      })
    }
    await planNext(work, line, key, actor.clientId)
    return await published(work, key, actor, 'signing_key.added')
  })
}

/**
 * Takes in a private key that was made elsewhere: sealed at once, published as pending, and next in turn, at the instant that was planned for
 * the next key but not before verifiers can hold it. The key that was next stays pending and follows it. Throws `invalid_request` for what
 * is no key (`readForeignKey`); `conflict` for one that was in the ring before, in whatever state: a kid never comes back.
 */
export async function importSigningKey(
  services: ChangeServices & Pick<Services, 'platform'>,
  actor: Principal,
  { key, purpose, algorithm }: { key: ForeignKey; purpose: KeyPurpose; algorithm?: Algorithm | undefined },
): Promise<SigningKeyView> {
  requireServiceWide(actor, 'signing_keys.import')
  const read = await readForeignKey(key, algorithm, services.platform)
  if (purpose === 'record' && read.algorithm !== 'ES256')
    throw new ServiceError('invalid_request', { detail: 'Record keys are ES256 keys.' })
  const line = { algorithm: read.algorithm, purpose }
  const sealed = await sealKey(services, line, read.pair, 'imported')
  return await changeRing(services, line, async (work) => {
    if (await findSigningKey(work.tx, sealed.kid))
      throw new ServiceError('conflict', { detail: 'This key is, or was, in the ring already.' })
    await publishKey(work, sealed, actor.clientId)
    const wanted = await turnOfNext(work, line)
    await appendActivation(work, line, { kid: sealed.kid, wanted, actor: actor.clientId, reason: 'imported' })
    return await published(work, sealed, actor, 'signing_key.imported')
  })
}

/** When a key that is published now may take the place of the next one. */
async function turnOfNext(work: RingChange, line: KeyLine): Promise<Date> {
  const { ring } = await sightOf(work)
  const safeAt = activationSafeAt({ kid: '', publishedAt: work.now, revokedAt: null }, ring.timing)
  const planned = periodsOf(ring, line).find(({ from }) => from > work.now.getTime())
  return new Date(Math.max(planned?.from ?? 0, safeAt.getTime()))
}

async function published(
  work: RingChange,
  { kid, algorithm, purpose }: SealedKey,
  actor: Principal,
  type: 'signing_key.added' | 'signing_key.imported',
) {
  const { ring } = await sightOf(work)
  const key = ring.keys.find((each) => each.kid === kid)
  if (!key) throw new Error('the key that was just published is not in the ring')
  const view = signingKeyView(ring, key, work.now, undefined)
  const context = { purpose, algorithm, activatesAt: view.activatesAt ?? view.safeAt }
  const event: AuditEvent = { type, actor, organizationId: null, subject: kid, context }
  return { result: view, events: [event] }
}
