import type { Config } from '../config/settings.ts'
import type { ActivePeriod } from './activations.ts'

/**
 * pending: published, its activation ahead · active: signs · retiring: published, followed by another · retired: nothing that it signed
 * can be alive · revoked. Computed from instants only; nothing has to run for a key to move on.
 */
export type SigningKeyState = 'pending' | 'active' | 'retiring' | 'retired' | 'revoked'

export type KeyInstants = {
  readonly kid: string
  readonly publishedAt: Date
  readonly revokedAt: Date | null
}

export type TimingConfig = Pick<
  Config,
  'jwksMaxAgeSeconds' | 'verifierRefreshSeconds' | 'clockToleranceSeconds' | 'maxTokenTtlSeconds'
>

export type KeyTiming = {
  /** From publication until every verifier that refreshes in time holds the key. */
  readonly publishLeadSeconds: number
  /** From the end of its active period until nothing that the key signed can be accepted. */
  readonly retentionSeconds: number
}

/** How old the public key set of an instance may be while its database answers. */
export const publicKeysMaximumAgeSeconds = 1

/**
 * `largestTokenTtlSeconds`: the largest token lifetime ever configured, from the database: tokens minted under an earlier, longer
 * setting live on. The clock tolerance counts twice in the retention: an instance whose clock is behind signs that much longer, and
 * a verifier accepts that much longer.
 */
export function keyTiming(config: TimingConfig, largestTokenTtlSeconds: number): KeyTiming {
  const { jwksMaxAgeSeconds, verifierRefreshSeconds, clockToleranceSeconds } = config
  const tokenTtlSeconds = Math.max(largestTokenTtlSeconds, config.maxTokenTtlSeconds)
  return {
    publishLeadSeconds:
      publicKeysMaximumAgeSeconds + jwksMaxAgeSeconds + verifierRefreshSeconds + clockToleranceSeconds,
    retentionSeconds: clockToleranceSeconds + tokenTtlSeconds + clockToleranceSeconds + jwksMaxAgeSeconds,
  }
}

/**
 * How long a copy of the public keys may be kept, in whole seconds, that the database confirmed `ageSeconds` ago. The publish lead counts from
 * the publication of a key: an instance that is cut off from its database must not hand on a copy for longer than the lead allows for, or
 * verifiers would still lack the key when it signs.
 */
export function keySetMaxAgeSeconds({ jwksMaxAgeSeconds }: TimingConfig, ageSeconds: number): number {
  return Math.max(0, jwksMaxAgeSeconds - Math.ceil(Math.max(0, ageSeconds - publicKeysMaximumAgeSeconds)))
}

/**
 * `periods`: all of the key's algorithm and purpose. A revocation counts from the moment at which it is known, also on an instance whose
 * clock is behind the one that stamped it.
 */
export function signingKeyState(
  key: KeyInstants,
  periods: readonly ActivePeriod[],
  timing: KeyTiming,
  now: Date,
): SigningKeyState {
  const at = now.getTime()
  if (key.revokedAt) return 'revoked'
  const own = periods.filter(({ kid }) => kid === key.kid)
  if (own.every(({ from }) => from > at)) return 'pending'
  if (own.some(({ from, until }) => from <= at && at < until)) return 'active'
  const end = retiresAt(key, periods, timing)
  return end && end.getTime() <= at ? 'retired' : 'retiring'
}

/** From this time on the key may sign: verifiers have had the time to fetch it (docs/signing-keys.md; RFC 9111 for `max-age`). */
export function activationSafeAt(key: KeyInstants, timing: KeyTiming): Date {
  return new Date(key.publishedAt.getTime() + timing.publishLeadSeconds * 1000)
}

/** From this instant the key is unpublished. Null while nobody follows it, or while it has never signed. */
export function retiresAt(key: KeyInstants, periods: readonly ActivePeriod[], timing: KeyTiming): Date | null {
  const last = periods.findLast(({ kid }) => kid === key.kid)
  return last && Number.isFinite(last.until) ? new Date(last.until + timing.retentionSeconds * 1000) : null
}
