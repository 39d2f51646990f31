import type { Config } from '../config/settings.ts'
import { type KeyTiming, keyTiming, publicKeysMaximumAgeSeconds, type TimingConfig } from './lifecycle.ts'

export type LifetimeConfig = TimingConfig & Pick<Config, 'rotateEverySeconds' | 'tokenTtlSeconds'>

/**
 * Describes settings that the key ring cannot satisfy together. Each fault names the variables to change. If the
 * service started with such a fault, an unattended rotation would later break a verifier. `timing` is what the ring
 * uses. This checks it against `max-age` and the token lifetime again, however it was computed.
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
      `MINTAGE_MAX_TOKEN_TTL (${maxTokenTtlSeconds} s) is longer than MINTAGE_ROTATE_EVERY (${rotateEverySeconds} s): a token would live longer than its key signs, and retiring keys would pile up`,
    )
  }
  if (retentionSeconds < maxTokenTtlSeconds + clockToleranceSeconds) {
    faults.push(
      `MINTAGE_MAX_TOKEN_TTL (${maxTokenTtlSeconds} s) is longer than a retiring key stays published (${retentionSeconds} s)`,
    )
  }
  return faults
}

/** Throws an Error for the operator that lists every fault. Does no I/O, so call it before anything is opened. */
export function requireKeepableLifetimes(config: LifetimeConfig): void {
  const faults = lifetimeFaults(config)
  if (faults.length === 0) return
  throw new Error(`the configured lifetimes do not fit together:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
}
