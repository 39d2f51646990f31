import { publicMembers } from './key-pair.ts'
import { isLive, type Ring, type RingKey } from './ring.ts'
import type { KeyPurpose } from './signer.ts'

type PublishedKey = JsonWebKey & {
  kid: string
  alg: string
  use: 'sig'
  /** Only on a revoked record key, which stays listed: seconds since 1970 (as in OpenID Federation 1.0 §8.7). */
  revoked?: { revoked_at: number }
}

/** RFC 7517 §5. */
export type JsonWebKeySet = { keys: readonly PublishedKey[] }

/**
 * The public key set of a purpose (RFC 7517 §5), with public members only. A token key is listed as long as a token
 * that it signed may be valid. A revoked token key is not listed. Record keys stay listed for ever, so that old records
 * can be checked; a revoked one is marked. The newest key comes first, so that a client that reads only the start of a
 * long set gets the keys that sign.
 */
export function publicJwks(ring: Ring, purpose: KeyPurpose, now: Date): JsonWebKeySet {
  const listed = ring.keys.filter((key) => key.purpose === purpose && (purpose === 'record' || isLive(ring, key, now)))
  return { keys: listed.toReversed().map(publishedKey) }
}

function publishedKey({ publicJwk, kid, algorithm, revokedAt }: RingKey): PublishedKey {
  const key: PublishedKey = { ...publicMembers(publicJwk), kid, alg: algorithm, use: 'sig' }
  if (revokedAt) key.revoked = { revoked_at: Math.floor(revokedAt.getTime() / 1000) }
  return key
}
