import type { VerifierRow } from './queries.ts'
import { verifierForgottenSeconds } from './sighting.ts'

/** A verifier as the admin API shows it. Times are RFC 3339 texts. */
export type VerifierView = {
  /** The name it gives itself; null if it gives none. Anybody can use any name: only `clientId` is checked. */
  name: string | null
  /** Id of the API key that it authenticated with; null = anonymous, which never counts. */
  clientId: string | null
  /** anonymous · known: counts for readiness · absent: has not fetched the set for a day, so nothing waits for it. */
  state: 'anonymous' | 'known' | 'absent'
  /** Kids in the set that it fetched last. */
  kids: string[]
  lastFetchedAt: string
  address: string | null
  agent: string | null
}

export function verifierView(
  { name, clientId, kids, lastFetchedAt, address, agent }: VerifierRow,
  now: Date,
): VerifierView {
  const isAbsent = now.getTime() - lastFetchedAt.getTime() > verifierForgottenSeconds * 1000
  return {
    name: name || null,
    clientId: clientId || null,
    state: clientId === '' ? 'anonymous' : isAbsent ? 'absent' : 'known',
    kids: [...kids],
    lastFetchedAt: lastFetchedAt.toISOString(),
    address,
    agent,
  }
}
