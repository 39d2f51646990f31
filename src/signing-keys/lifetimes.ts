import type { Config } from '../config/settings.ts'
import { type KeyTiming, keyTiming, publicKeysMaximumAgeSeconds, type TimingConfig } from './lifecycle.ts'

export type LifetimeConfig = TimingConfig & Pick<Config, 'rotateEverySeconds' | 'tokenTtlSeconds'>

/**
 * What a configuration promises and the key ring cannot keep, each in words that name the variables to change. A service that started with
 * such a fault would break a verifier later, at a rotation that nobody watches. `timing` is what the ring goes by: that it keeps what
 * `max-age` and the lifetime of tokens promise is checked here once more, whatever it was computed from.
 */
export function lifetimeFaults(
  config: LifetimeConfig,
  timing: KeyTiming = keyTiming(config, config.maxTokenTtlSeconds),
): string[] {
  const { rotateEverySeconds, jwksMaxAgeSeconds, maxTokenTtlSeconds, tokenTtlSeconds, clockToleranceSeconds } = config
  const { publishLeadSeconds, retentionSeconds } = timing
  const faults: string[] = []
  if (publishLeadSeconds > rotateEverySeconds) {
    faults.push(
      `MINTAGE_ROTATE_EVERY (${rotateEverySeconds} s) is shorter than the ${publishLeadSeconds} s that a key is published before it signs (MINTAGE_JWKS_MAX_AGE + MINTAGE_VERIFIER_REFRESH + MINTAGE_CLOCK_TOLERANCE + ${publicKeysMaximumAgeSeconds})`,
    )
  }
  if (publishLeadSeconds < jwksMaxAgeSeconds + clockToleranceSeconds) {
    faults.push(
      `MINTAGE_JWKS_MAX_AGE (${jwksMaxAgeSeconds} s) lets a key set live longer than the ${publishLeadSeconds} s that a key is published before it signs`,
    )
  }
  if (Math.max(maxTokenTtlSeconds, tokenTtlSeconds) > rotateEverySeconds) {
    faults.push(
      `MINTAGE_MAX_TOKEN_TTL (${maxTokenTtlSeconds} s) is longer than MINTAGE_ROTATE_EVERY (${rotateEverySeconds} s): a token would outlive the time of its key, and former keys would pile up`,
    )
  }
  if (retentionSeconds < maxTokenTtlSeconds + clockToleranceSeconds) {
    faults.push(
      `MINTAGE_MAX_TOKEN_TTL (${maxTokenTtlSeconds} s) is longer than a former key stays published (${retentionSeconds} s)`,
    )
  }
  return faults
}

/** Throws an Error for the operator that lists every fault. Costs nothing: asked before anything is opened. */
export function requireKeepableLifetimes(config: LifetimeConfig): void {
  const faults = lifetimeFaults(config)
  if (faults.length === 0) return
  throw new Error(
    `the lifetimes of the configuration cannot be kept:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
  )
}
