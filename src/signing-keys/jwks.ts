import { publicMembers } from './key-pair.ts'
import { type Ring, type RingKey, standingOf } from './ring.ts'
import type { KeyPurpose } from './signer.ts'

export type PublishedKey = JsonWebKey & {
  kid: string
  alg: string
  use: 'sig'
  /** Only on a revoked record key, whose public part stays listed: seconds since 1970 (as in OpenID Federation 1.0 §8.7). */
  revoked?: { revoked_at: number }
}

/** RFC 7517 §5. */
export type JsonWebKeySet = { keys: readonly PublishedKey[] }

/**
 * The public key set of the purpose (RFC 7517 §5): public members only. Token keys are in it while anything that they signed may be
 * alive; a revoked one is gone. Record keys stay for ever, so that old records can be checked; a revoked one says so. The newest comes
 * first: who reads only the beginning of a long set has the keys that sign.
 */
export function publicJwks(ring: Ring, purpose: KeyPurpose, now: Date): JsonWebKeySet {
  const listed = ring.keys.filter((key) => key.purpose === purpose && isListed(ring, key, now))
  return { keys: listed.toReversed().map((key) => publishedKey(key, now)) }
}

function isListed(ring: Ring, key: RingKey, now: Date): boolean {
  if (key.purpose === 'record') return true
  const { state } = standingOf(ring, key, now)
  switch (state) {
    case 'pending':
    case 'active':
    case 'retiring':
      return true
    case 'retired':
    case 'revoked':
      return false
    default:
      return state satisfies never
  }
}

function publishedKey({ publicJwk, kid, algorithm, revokedAt }: RingKey, now: Date): PublishedKey {
  const key: PublishedKey = { ...publicMembers(publicJwk), kid, alg: algorithm, use: 'sig' }
  if (revokedAt && revokedAt <= now) key.revoked = { revoked_at: Math.floor(revokedAt.getTime() / 1000) }
  return key
}
