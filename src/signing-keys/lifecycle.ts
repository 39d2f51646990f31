import type { Config } from '../config/settings.ts'
import type { ActivePeriod } from './activations.ts'

/**
 * - pending: published, its activation is in the future
 * - active: signs
 * - retiring: another key signs now, but tokens that this one signed may still be valid
 * - retired: every token that it signed has expired
 * - revoked
 *
 * Computed from times alone, so a key changes state without any job.
 */
export type SigningKeyState = 'pending' | 'active' | 'retiring' | 'retired' | 'revoked'

type KeyTimes = {
  readonly kid: string
  readonly publishedAt: Date
  readonly revokedAt: Date | null
}

export type TimingConfig = Pick<
  Config,
  'jwksMaxAgeSeconds' | 'verifierRefreshSeconds' | 'clockToleranceSeconds' | 'maxTokenTtlSeconds'
>

export type KeyTiming = {
  /** From publication until every verifier that refreshes on time holds the key. */
  readonly publishLeadSeconds: number
  /** From the end of a key's active period until no verifier can accept anything it signed. */
  readonly retentionSeconds: number
  /** No token of this service lives longer, whenever it was issued. */
  readonly longestTokenSeconds: number
}

/** How old an instance's public key set may be while its database answers. */
export const publicKeysMaximumAgeSeconds = 1

/**
 * `largestTokenTtlSeconds` is the largest token lifetime ever configured, from the database: tokens issued under an
 * earlier, longer setting may still be valid. The clock tolerance counts twice in the retention: an instance with a
 * slow clock keeps signing that much longer, and a verifier accepts tokens that much longer.
 */
export function keyTiming(config: TimingConfig, largestTokenTtlSeconds: number): KeyTiming {
  const { jwksMaxAgeSeconds, verifierRefreshSeconds, clockToleranceSeconds } = config
  const longestTokenSeconds = Math.max(largestTokenTtlSeconds, config.maxTokenTtlSeconds)
  return {
    publishLeadSeconds:
      publicKeysMaximumAgeSeconds + jwksMaxAgeSeconds + verifierRefreshSeconds + clockToleranceSeconds,
    retentionSeconds: clockToleranceSeconds + longestTokenSeconds + clockToleranceSeconds + jwksMaxAgeSeconds,
    longestTokenSeconds,
  }
}

/**
 * The `max-age`, in whole seconds, for a copy of the public keys that the database confirmed `ageSeconds` ago. An
 * instance that is cut off from its database must not serve copies that live longer than the publish lead allows.
 * Otherwise verifiers would not have a new key yet when it starts to sign.
 */
export function keySetMaxAgeSeconds({ jwksMaxAgeSeconds }: TimingConfig, ageSeconds: number): number {
  return Math.max(0, jwksMaxAgeSeconds - Math.ceil(Math.max(0, ageSeconds - publicKeysMaximumAgeSeconds)))
}

/**
 * `periods` must be all periods of the key's series. A revocation counts as soon as it is known, even if this
 * instance's clock is behind the clock that set its time.
 */
export function signingKeyState(
  key: KeyTimes,
  periods: readonly ActivePeriod[],
  timing: KeyTiming,
  now: Date,
): SigningKeyState {
  const at = now.getTime()
  if (key.revokedAt) return 'revoked'
  const periodsOfKey = periods.filter(({ kid }) => kid === key.kid)
  if (periodsOfKey.every(({ from }) => from > at)) return 'pending'
  if (periodsOfKey.some(({ from, until }) => from <= at && at < until)) return 'active'
  const end = retiresAt(key, periods, timing)
  return end && end.getTime() <= at ? 'retired' : 'retiring'
}

/**
 * Whether the private key may still be needed: a retiring key is, because it can be rolled back to. Token keys are
 * published in the same states.
 */
export function isLiveState(state: SigningKeyState): boolean {
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

/**
 * From this time on the key may sign, because every verifier has had time to fetch it (docs/signing-keys.md; RFC 9111
 * for `max-age`).
 */
export function activationSafeAt(key: Pick<KeyTimes, 'publishedAt'>, timing: KeyTiming): Date {
  return new Date(key.publishedAt.getTime() + timing.publishLeadSeconds * 1000)
}

/** When the key stops being published. Null if no key follows it, or if it has never signed. */
export function retiresAt(
  key: Pick<KeyTimes, 'kid'>,
  periods: readonly ActivePeriod[],
  timing: KeyTiming,
): Date | null {
  const last = periods.findLast(({ kid }) => kid === key.kid)
  return last && Number.isFinite(last.until) ? new Date(last.until + timing.retentionSeconds * 1000) : null
}
