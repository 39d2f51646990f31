import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../../config/duration.ts'

/** For an option that may be given several times. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  if (value === '') throw new InvalidArgumentError(empty)
  return [...previous, value]
}

/** Without an entry, a list would silently mean "everything". */
const empty = 'must not be empty. Leave the option out, or give a value.'

/** As `collect`, for entries that may contain spaces or be URLs: a comma is refused, since it may separate two. */
export function collectEntries(value: string, previous: readonly string[] = []): readonly string[] {
  if (value.includes(',')) throw new InvalidArgumentError('it contains a comma. Repeat the option for each entry.')
  return collect(value, previous)
}

/** For an option that may be given several times, or once with entries that are separated by commas or spaces. */
export function collectWords(value: string, previous: readonly string[] = []): readonly string[] {
  const words = value.split(/[\s,]+/).filter((word) => word !== '')
  if (words.length === 0) throw new InvalidArgumentError(empty)
  return [...previous, ...words]
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('it must be a whole number.')
  return Number(text)
}

/** `90`, `90s`, `15m`, `24h` or `30d` as seconds. */
export function duration(text: string): number {
  const seconds = parseDuration(text)
  if (seconds === undefined) throw new InvalidArgumentError('it must be a number with s, m, h or d, such as 24h.')
  return seconds
}
