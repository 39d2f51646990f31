import { describe, expect, test } from 'vitest'
import { type Activation, activePeriods, nextActivation, periodAt } from '../../src/signing-keys/activations.ts'
import {
  activationSafeAt,
  keySetMaxAgeSeconds,
  keyTiming,
  publicKeysMaximumAgeSeconds,
  retiresAt,
  signingKeyState,
} from '../../src/signing-keys/lifecycle.ts'

const config = {
  jwksMaxAgeSeconds: 300,
  verifierRefreshSeconds: 600,
  clockToleranceSeconds: 30,
  maxTokenTtlSeconds: 900,
}
const timing = keyTiming(config, 900)
const rotateEverySeconds = 1000
const second = 1000

type Key = { kid: string; publishedAt: Date; revokedAt: null }

/**
 * A simulated history: keys are activated as planned, rotated by hand as early as allowed, and sometimes rolled back.
 */
function simulateRing(rotations: number, random: () => number) {
  const keys: Key[] = [key('k0', 0)]
  let history: Activation[] = [{ sequence: 1, kid: 'k0', activatesAt: new Date(0) }]
  const append = (kid: string, wanted: number, now: number) => {
    history = [...history, nextActivation(history, kid, new Date(wanted), new Date(now))]
  }
  const publishNext = (now: number) => {
    const next = key(`k${keys.length}`, now)
    keys.push(next)
    append(next.kid, Math.max(now + rotateEverySeconds * second, activationSafeAt(next, timing).getTime()), now)
    return next
  }
  let now = 0
  let pending = publishNext(0)
  for (let rotation = 0; rotation < rotations; rotation++) {
    const safeAt = activationSafeAt(pending, timing).getTime()
    const choice = random()
    if (choice < 0.4) {
      now = safeAt + Math.floor(random() * 50) * second
      append(pending.kid, now, now)
    } else {
      // Maintenance comes late: the planned activation took effect without it.
      now = Math.max(now + 1, planned(history, pending.kid)) + Math.floor(random() * 200) * second
      if (choice > 0.9) {
        const periods = activePeriods(history)
        const active = periodAt(periods, now)
        const previous = periods.findLast(({ from, kid }) => from <= now && kid !== active?.kid)
        const isHeld =
          previous && signingKeyState(byKid(keys, previous.kid), periods, timing, new Date(now)) === 'retiring'
        if (previous && isHeld) append(previous.kid, now, now)
      }
    }
    pending = publishNext(now)
  }
  return { keys, periods: activePeriods(history), end: now }
}

const key = (kid: string, at: number): Key => ({ kid, publishedAt: new Date(at), revokedAt: null })

function byKid(keys: readonly Key[], kid: string): Key {
  const found = keys.find((each) => each.kid === kid)
  if (!found) throw new Error(`no key ${kid}`)
  return found
}

function planned(history: readonly Activation[], kid: string): number {
  return history.findLast((row) => row.kid === kid)?.activatesAt.getTime() ?? 0
}

function pseudoRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

describe('a cached copy of the key set', () => {
  test('R91 contains every key that signs while a client may keep the copy, and every key whose tokens are valid', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = pseudoRandom(seed)
      const { keys, periods, end } = simulateRing(12, random)
      for (let sample = 0; sample < 200; sample++) {
        const readAt = Math.floor(random() * end)
        const copy = new Set(
          keys
            .filter(({ publishedAt }) => publishedAt.getTime() <= readAt)
            .filter((each) =>
              ['pending', 'active', 'retiring'].includes(signingKeyState(each, periods, timing, new Date(readAt))),
            )
            .map(({ kid }) => kid),
        )
        // Served by an instance that read it a second ago, kept by a cache for max-age, then by a verifier for its
        // refresh interval.
        const served = publicKeysMaximumAgeSeconds
        const dropped = readAt + (served + keySetMaxAgeSeconds(config, served) + config.verifierRefreshSeconds) * second
        for (const at of [readAt, dropped - 1, readAt + Math.floor(random() * (dropped - readAt))]) {
          expect(copy, `seed ${seed}: the copy read at ${readAt}, used at ${at}`).toContain(periodAt(periods, at)?.kid)
        }
        const issuedAt = readAt - Math.floor(random() * 900) * second
        const signer = issuedAt >= 0 ? periodAt(periods, issuedAt)?.kid : undefined
        if (signer)
          expect(copy, `seed ${seed}: a token issued at ${issuedAt}, checked with a copy read at ${readAt}`).toContain(
            signer,
          )
      }
    }
  })

  test.each([
    [0, 300],
    [1, 300],
    [1.5, 299],
    [11, 290],
    [300.2, 0],
    [100_000, 0],
    [Number.POSITIVE_INFINITY, 0],
  ])('R90 that the database confirmed %s s ago may be kept for %s s more', (age, maxAge) => {
    expect(keySetMaxAgeSeconds(config, age)).toBe(maxAge)
  })

  test('R91 is never needed after it expired: a key retires only after the last copy without its successor is gone', () => {
    const periods = activePeriods([
      { sequence: 1, kid: 'a', activatesAt: new Date(0) },
      { sequence: 2, kid: 'b', activatesAt: new Date(1_000_000) },
    ])
    const retires = retiresAt(key('a', 0), periods, timing)?.getTime() ?? 0
    expect(retires - 1_000_000).toBeGreaterThanOrEqual(
      (900 + config.clockToleranceSeconds + config.jwksMaxAgeSeconds) * second,
    )
  })
})
