import { ServiceError } from '../../src/errors.ts'
import { listSigningKeys } from '../../src/signing-keys/read.ts'
import type { KeyPurpose } from '../../src/signing-keys/signer.ts'
import type { SigningKeyView } from '../../src/signing-keys/view.ts'
import { type RingService, root } from './ring-service.ts'

/** The keys of a purpose in the order of their activations; keys without one come last. */
export async function keysOf(ring: RingService, purpose: KeyPurpose, algorithm = 'ES256'): Promise<SigningKeyView[]> {
  const keys = (await listSigningKeys(ring, root)).filter(
    (key) => key.purpose === purpose && key.algorithm === algorithm,
  )
  const order = (key: { activatesAt: string | null }) => key.activatesAt ?? '9'
  return keys.sort((a, b) => (order(a) < order(b) ? -1 : 1))
}

/** The error that the attempt is refused with; fails if it is not refused. */
export async function refusal(attempt: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof ServiceError)) throw new Error(`expected a ServiceError, got ${String(error)}`)
  return error
}
