const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/**
 * Reads `900`, `90s`, `15m`, `24h` or `90d` as seconds. A number without a unit is in seconds. Undefined when the text
 * is not a duration.
 */
export function parseDuration(text: string): number | undefined {
  const [, count, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? []
  return count === undefined ? undefined : Number(count) * (unitSeconds[unit] ?? 1)
}

/** As `parseDuration`, or `1500ms`: reads the text as milliseconds. */
export function parseMilliseconds(text: string): number | undefined {
  const [, count] = /^(\d{1,9})ms$/.exec(text) ?? []
  if (count !== undefined) return Number(count)
  const seconds = parseDuration(text)
  return seconds === undefined ? undefined : 1000 * seconds
}

/** `1500ms`, or whole seconds as `formatDuration` writes them. */
export function formatMilliseconds(milliseconds: number): string {
  return milliseconds % 1000 === 0 ? formatDuration(milliseconds / 1000) : `${milliseconds}ms`
}

/** The seconds in the largest unit that expresses them exactly: `30d`, `90m`, `0`. */
export function formatDuration(seconds: number): string {
  if (seconds === 0) return '0'
  const unit = ['d', 'h', 'm'].find((name) => seconds % (unitSeconds[name] ?? 1) === 0) ?? 's'
  return `${seconds / (unitSeconds[unit] ?? 1)}${unit}`
}
