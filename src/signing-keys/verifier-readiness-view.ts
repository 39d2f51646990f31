import type { VerifierSighting } from '../verifiers/sighting.ts'
import { type VerifierReadiness, verifierReadiness } from './verifier-readiness.ts'
import type { SigningKeyView } from './view.ts'

/** Verifier readiness as the admin API shows it beside a pending key. */
export type ReadinessView = {
  holding: number
  known: number
  waitingFor: { name: string; lastFetchedAt: string }[]
  absent: { name: string; lastFetchedAt: string }[]
}

/** Which verifiers hold the key before it signs; null for keys other than pending token keys. */
export type WithReadiness<View> = View & { verifiers: ReadinessView | null }

export function withReadiness<View extends SigningKeyView>(
  view: View,
  seen: readonly VerifierSighting[],
  now: Date,
): WithReadiness<View> {
  const isAwaited = view.purpose === 'token' && view.state === 'pending'
  return { ...view, verifiers: isAwaited ? readinessView(verifierReadiness(seen, view.kid, now)) : null }
}

/** At most this many names of each kind; the counts cover the rest. */
const mostNames = 20

export function readinessView({ holding, known, waitingFor, absent }: VerifierReadiness): ReadinessView {
  return {
    holding,
    known,
    waitingFor: waitingFor.slice(0, mostNames).map(shown),
    absent: absent.slice(0, mostNames).map(shown),
  }
}

/**
 * "5 of 6 verifiers hold the new key, billing-api last fetched 40 min ago". Safe to print: names have a restricted
 * alphabet.
 */
export function readinessText({ holding, known, waitingFor, absent }: ReadinessView, now: Date): string {
  const gone = absent.length === 0 ? '' : `; absent: ${absent.map(({ name }) => name).join(', ')}`
  if (known === 0) return `no authenticated verifier has fetched the key set within a day${gone}`
  const awaited = waitingFor
    .slice(0, 3)
    .map(({ name, lastFetchedAt }) => `, ${name} last fetched ${ago(lastFetchedAt, now)}`)
  return `${holding} of ${known} verifiers hold the new key${awaited.join('')}${gone}`
}

function shown({ name, lastFetchedAt }: { name: string; lastFetchedAt: Date }) {
  return { name, lastFetchedAt: lastFetchedAt.toISOString() }
}

function ago(instant: string, now: Date): string {
  const minutes = Math.max(0, Math.floor((now.getTime() - Date.parse(instant)) / 60_000))
  return minutes < 120 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`
}
