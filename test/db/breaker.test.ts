import { expect, test } from 'vitest'
import { createBreaker } from '../../src/db/breaker.ts'

function breakerWithClock() {
  const clock = { now: 0 }
  let opened = 0
  const breaker = createBreaker({
    failuresToOpen: 3,
    pauses: { first: 500, longest: 3000 },
    clock: () => clock.now,
    onOpen: () => opened++,
  })
  return { breaker, clock, opened: () => opened }
}

test('a success between failures keeps it closed', () => {
  const { breaker } = breakerWithClock()
  for (const report of ['failed', 'failed', 'succeeded', 'failed', 'failed'] as const) breaker[report]()
  expect(breaker.allows()).toBe(true)
  expect(breaker.isOpen()).toBe(false)
})

test('after three failures in a row, one call per pause goes through until one succeeds', () => {
  const { breaker, clock, opened } = breakerWithClock()
  for (let i = 0; i < 3; i++) breaker.failed()
  expect([breaker.isOpen(), breaker.allows(), opened()]).toEqual([true, false, 1])
  clock.now = 500
  expect([breaker.allows(), breaker.allows()]).toEqual([true, false])
  // The probe never reports, and the next one still goes through.
  clock.now = 1000
  expect([breaker.allows(), breaker.allows()]).toEqual([true, false])
  breaker.failed()
  expect(opened()).toBe(1)
  clock.now = 2000
  expect(breaker.allows()).toBe(true)
  breaker.succeeded()
  expect([breaker.isOpen(), breaker.allows(), breaker.allows()]).toEqual([false, true, true])
})

test('each failed probe doubles the pause, up to the longest', () => {
  const { breaker, clock } = breakerWithClock()
  for (let i = 0; i < 3; i++) breaker.failed()
  const probes: number[] = []
  for (; clock.now < 60_000; clock.now += 10) {
    if (!breaker.allows()) continue
    probes.push(clock.now)
    breaker.failed()
  }
  const pauses = probes.slice(1).map((at, i) => at - (probes[i] ?? 0))
  expect(Math.max(...pauses)).toBeLessThanOrEqual(3010)
  expect(Math.min(...pauses.slice(2))).toBeGreaterThanOrEqual(1500)
})

test('calls that were running when it opened do not make the pause longer', () => {
  const { breaker, clock } = breakerWithClock()
  for (let i = 0; i < 13; i++) breaker.failed()
  clock.now = 500
  expect(breaker.allows()).toBe(true)
})
