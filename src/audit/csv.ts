import type { ChainLink, TrailEvent } from './chain.ts'

const columns = [
  'sequence',
  'id',
  'occurredAt',
  'type',
  'result',
  'actor',
  'organizationId',
  'subject',
  'reason',
  'address',
  'agent',
  'requestId',
  'sessionId',
  'durationMilliseconds',
] as const satisfies readonly (keyof TrailEvent)[]

/** RFC 4180 §2, with a header line. */
export const csvHeader = csvLine([...columns, 'context', 'hash'])

export function csvRow(event: TrailEvent, { hash }: ChainLink): string {
  return csvLine([...columns.map((column) => event[column]), JSON.stringify(event.context), hash])
}

function csvLine(cells: readonly (string | number | null)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

/**
 * A quoted cell. What a spreadsheet would take for a formula gets an apostrophe in front, blanks and the full-width forms of the
 * characters included: names and agents come from strangers.
 */
export function csvCell(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const safe = /^[\s\u200b\ufeff]*[=+\-@|＝＋－＠]|^[\t\r\n]/.test(value) ? `'${value}` : value
  return `"${safe.replaceAll('"', '""')}"`
}
