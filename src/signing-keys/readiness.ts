import { type VerifierSighting, verifierForgottenSeconds } from '../verifiers/sighting.ts'

export type AwaitedVerifier = { readonly name: string; readonly lastFetchedAt: Date }

/** Who could verify a token signed by the key at this moment, as far as the fetches tell. */
export type Readiness = {
  /** Of the known ones, how many hold the key. */
  readonly holding: number
  /** Authenticated verifiers that came within the last `verifierForgottenSeconds`. */
  readonly known: number
  /** Known ones that do not hold the key, the one that has been away longest first. */
  readonly waitingFor: readonly AwaitedVerifier[]
  /** Authenticated ones that have not come for longer: not counted and not waited for. The one seen last first. */
  readonly absent: readonly AwaitedVerifier[]
  /** There are known verifiers, and all of them hold the key. Does not look at the safe instant, which comes first. */
  readonly safeToBringForward: boolean
}

/**
 * Anonymous verifiers are not looked at: anybody can be any number of them. Processes that share an API key and a name count as one
 * verifier, which holds what the last of them fetched.
 */
export function readiness(verifiers: readonly VerifierSighting[], kid: string, now: Date): Readiness {
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

export type PlannedTurn = { readonly activatesAt: Date; readonly safeAt: Date; readonly rotateEverySeconds: number }

/**
 * From when on readiness may bring the turn forward: in the last tenth of the rotation interval, and at most a day, before the planned
 * instant, which is the limit. Never before the safe instant. Without that window a ring whose verifiers are quick would turn every quarter of an hour.
 */
export function broughtForwardFrom({ activatesAt, safeAt, rotateEverySeconds }: PlannedTurn): Date {
  const windowSeconds = Math.min(rotateEverySeconds / 10, 86_400)
  return new Date(Math.max(safeAt.getTime(), activatesAt.getTime() - windowSeconds * 1000))
}

function awaited({ name, clientId, lastFetchedAt }: VerifierSighting): AwaitedVerifier {
  return { name: name === '' ? clientId : name, lastFetchedAt }
}
