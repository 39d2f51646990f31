/** A clock that moves only when the test moves it. */
export type MovableClock = {
  readonly now: () => Date
  advance(seconds: number): void
  set(instant: Date): void
}

export function movableClock(start: Date = new Date('2026-11-02T10:00:00.000Z')): MovableClock {
  let current = start.getTime()
  return {
    now: () => new Date(current),
    advance(seconds) {
      current += seconds * 1000
    },
    set(instant) {
      current = instant.getTime()
    },
  }
}
