import { type VerifierSighting, verifierForgottenSeconds } from '../verifiers/sighting.ts'

type AwaitedVerifier = { readonly name: string; readonly lastFetchedAt: Date }

/** Which verifiers could verify a token signed by the key now, based on their latest fetch. */
export type VerifierReadiness = {
  /** How many of the known verifiers hold the key. */
  readonly holding: number
  /** How many authenticated verifiers fetched the set within the last `verifierForgottenSeconds`. */
  readonly known: number
  /** Known verifiers that do not hold the key. The one unseen for longest comes first. */
  readonly waitingFor: readonly AwaitedVerifier[]
  /**
   * Authenticated verifiers not seen for longer than that: not counted and not waited for. The latest seen comes first.
   */
  readonly absent: readonly AwaitedVerifier[]
  /**
   * There is at least one known verifier, and all of them hold the key. Does not check the safe time: the caller must.
   */
  readonly safeToBringForward: boolean
}

/**
 * Ignores anonymous verifiers, because anyone can pretend to be many of them. Processes that share an API key and a
 * name count as one verifier, which holds the keys that the latest of them fetched.
 */
export function verifierReadiness(verifiers: readonly VerifierSighting[], kid: string, now: Date): VerifierReadiness {
  const since = now.getTime() - verifierForgottenSeconds * 1000
  const authenticated = verifiers
    .filter(({ clientId }) => clientId !== '')
    .sort((a, b) => a.lastFetchedAt.getTime() - b.lastFetchedAt.getTime())
  const known = authenticated.filter(({ lastFetchedAt }) => lastFetchedAt.getTime() >= since)
  const waitingFor = known.filter(({ kids }) => !kids.includes(kid)).map(awaited)
  const absent = authenticated.filter(({ lastFetchedAt }) => lastFetchedAt.getTime() < since).map(awaited)
  return {
    holding: known.length - waitingFor.length,
    known: known.length,
    waitingFor,
    absent: absent.reverse(),
    safeToBringForward: known.length > 0 && waitingFor.length === 0,
  }
}

type PlannedTimes = { readonly activatesAt: Date; readonly safeAt: Date; readonly rotateEverySeconds: number }

/**
 * The time from which readiness may bring the planned activation forward: the last tenth of the rotation interval, at
 * most a day, and never before the safe time. Without this limit, a ring with quick verifiers would rotate every
 * quarter of an hour.
 */
export function bringForwardFrom({ activatesAt, safeAt, rotateEverySeconds }: PlannedTimes): Date {
  const windowSeconds = Math.min(rotateEverySeconds / 10, 86_400)
  return new Date(Math.max(safeAt.getTime(), activatesAt.getTime() - windowSeconds * 1000))
}

function awaited({ name, clientId, lastFetchedAt }: VerifierSighting): AwaitedVerifier {
  return { name: name === '' ? clientId : name, lastFetchedAt }
}
