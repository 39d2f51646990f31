import { EnvelopeError } from '../crypto/envelope.ts'
import { ServiceError } from '../errors.ts'
import { errorWords } from '../observability/error-words.ts'
import type { Services } from '../services.ts'
import { requireRing } from './queries.ts'
import { activeKid, findKey, isLive, keyPurposes, type RingKey, ringOf } from './ring.ts'
import { openSigner } from './sealing.ts'
import { defaultAlgorithm } from './signer.ts'

/**
 * Opens every key that is not retired or revoked. If some cannot be opened, throws one error for the operator that
 * names every missing KEK and every other fault. Creates nothing.
 */
export async function selfTest(
  services: Pick<Services, 'config' | 'db' | 'keyEncryption' | 'now' | 'platform'>,
): Promise<void> {
  const ring = ringOf(await requireRing(services.db), services.config)
  const now = services.now()
  const faults: [RingKey, unknown][] = []
  for (const key of ring.keys.filter((key) => isLive(ring, key, now))) {
    await openSigner(key, services).catch((error: unknown) => faults.push([key, error]))
  }
  if (faults.length > 0) throw new Error(faultText(faults, services.keyEncryption.kekIds), { cause: faults[0]?.[1] })
  for (const purpose of keyPurposes) {
    const kid = activeKid(ring, { algorithm: defaultAlgorithm, purpose }, now)
    const active = findKey(ring, kid ?? undefined)
    if (!active || active.revokedAt) throw new Error(`the key ring has no active ${purpose} key`)
  }
}

function faultText(faults: readonly [RingKey, unknown][], configured: readonly string[]): string {
  const missing = Map.groupBy(faults, ([, error]) =>
    error instanceof EnvelopeError && error.code === 'kek_missing' ? error.kekId : undefined,
  )
  const others = missing.get(undefined) ?? []
  missing.delete(undefined)
  const lines = [...missing].map(
    ([kekId, sealed]) => `  the KEK ${kekId} is missing: it sealed ${sealed.map(([{ kid }]) => kid).join(', ')}`,
  )
  if (missing.size > 0) {
    lines.push(
      `  set it as MINTAGE_KEK, or as MINTAGE_KEK_PREVIOUS if another one seals now; configured: ${configured.join(', ') || 'a different passphrase'}`,
    )
  }
  return [
    'the key ring cannot be opened, and nothing new was created:',
    ...lines,
    ...others.map(([{ kid }, error]) => `  ${kid}: ${wordsOf(error)}`),
  ].join('\n')
}

function wordsOf(error: unknown): string {
  return error instanceof ServiceError ? (error.reason ?? error.code) : errorWords(error)
}
