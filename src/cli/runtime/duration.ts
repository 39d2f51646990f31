import { InvalidArgumentError } from 'commander'

const secondsOf = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** `90`, `90s`, `15m`, `24h` or `30d` as seconds. */
export function duration(text: string): number {
  const [, count, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? []
  if (count === undefined || !isUnit(unit))
    throw new InvalidArgumentError('it must be a number of s, m, h or d, such as 24h.')
  return Number(count) * secondsOf[unit]
}

/** The largest unit that says it exactly. */
export function durationText(seconds: number): string {
  if (seconds === 0) return '0'
  for (const unit of ['d', 'h', 'm'] as const) {
    if (seconds % secondsOf[unit] === 0) return `${seconds / secondsOf[unit]}${unit}`
  }
  return `${seconds}s`
}

function isUnit(text: string): text is keyof typeof secondsOf {
  return Object.hasOwn(secondsOf, text)
}
