import { type Readiness, readiness, type VerifierSighting, verifierForgottenSeconds } from '../readiness.ts'
import type { SigningKeyView } from '../view.ts'
import type { VerifierRow } from './queries.ts'

/** A verifier as the admin API shows it. Instants are RFC 3339 texts. */
export type VerifierView = {
  /** What it calls itself; null when it does not. Anybody can call themselves anything: only `clientId` was checked. */
  name: string | null
  /** Id of the API key that it authenticated with; null = anonymous, which never counts. */
  clientId: string | null
  /** anonymous · known: counts for readiness · absent: has not come for a day, so that nothing waits for it. */
  state: 'anonymous' | 'known' | 'absent'
  /** Kids of the set that it fetched last. */
  kids: string[]
  lastFetchedAt: string
  address: string | null
  agent: string | null
}

export function verifierView({ name, clientId, kids, lastFetchedAt, address, agent }: VerifierRow, now: Date): VerifierView {
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

/** Readiness as the admin API shows it beside a pending key. */
export type ReadinessView = {
  holding: number
  known: number
  waitingFor: { name: string; lastFetchedAt: string }[]
  absent: { name: string; lastFetchedAt: string }[]
}

/** Which verifiers hold a key before it signs; null for keys that nobody is waited for. */
export type WithReadiness<View> = View & { verifiers: ReadinessView | null }

export function withReadiness<View extends SigningKeyView>(view: View, seen: readonly VerifierSighting[], now: Date): WithReadiness<View> {
  const isAwaited = view.purpose === 'token' && view.state === 'pending'
  return { ...view, verifiers: isAwaited ? readinessView(readiness(seen, view.kid, now)) : null }
}

/** At most this many names of each kind: the counts tell the rest. */
const mostNames = 20

export function readinessView({ holding, known, waitingFor, absent }: Readiness): ReadinessView {
  return { holding, known, waitingFor: waitingFor.slice(0, mostNames).map(shown), absent: absent.slice(0, mostNames).map(shown) }
}

/** "5 of 6 verifiers hold the new key, billing-api last fetched 40 min ago". Names are of a safe alphabet. */
export function readinessText({ holding, known, waitingFor, absent }: ReadinessView, now: Date): string {
  const gone = absent.length === 0 ? '' : `; absent: ${absent.map(({ name }) => name).join(', ')}`
  if (known === 0) return `no authenticated verifier has come within a day${gone}`
  const awaited = waitingFor.slice(0, 3).map(({ name, lastFetchedAt }) => `, ${name} last fetched ${ago(lastFetchedAt, now)}`)
  return `${holding} of ${known} verifiers hold the new key${awaited.join('')}${gone}`
}

function shown({ name, lastFetchedAt }: { name: string; lastFetchedAt: Date }) {
  return { name, lastFetchedAt: lastFetchedAt.toISOString() }
}

function ago(instant: string, now: Date): string {
  const minutes = Math.max(0, Math.floor((now.getTime() - Date.parse(instant)) / 60_000))
  return minutes < 120 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`
}
