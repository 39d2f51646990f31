import type { SigningKeyState } from './lifecycle.ts'
import type { KeyStanding, RingKey } from './ring.ts'
import type { Algorithm, KeyPurpose } from './signer.ts'

/** A signing key as the admin API shows it: no key material beyond its name. Instants are RFC 3339 texts. */
export type SigningKeyView = {
  kid: string
  purpose: KeyPurpose
  algorithm: Algorithm
  /** Computed at the moment of asking. */
  state: SigningKeyState
  createdAt: string
  publishedAt: string
  /** When it took over last, or will; null when nothing is planned. */
  activatesAt: string | null
  /** From here on verifiers can be expected to hold it: it is not activated earlier without force. */
  safeAt: string
  /** From here on it is unpublished; null while no other key follows it. */
  retiresAt: string | null
  revokedAt: string | null
}

export function signingKeyView(key: RingKey, { state, activatesAt, safeAt, retiresAt }: KeyStanding): SigningKeyView {
  const { kid, purpose, algorithm, createdAt, publishedAt, revokedAt } = key
  return {
    kid,
    purpose,
    algorithm,
    state,
    createdAt: createdAt.toISOString(),
    publishedAt: publishedAt.toISOString(),
    activatesAt: activatesAt?.toISOString() ?? null,
    safeAt: safeAt.toISOString(),
    retiresAt: retiresAt?.toISOString() ?? null,
    revokedAt: revokedAt?.toISOString() ?? null,
  }
}
