import { stringify } from 'csv-stringify/sync'
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

export function csvLine(cells: readonly (string | number | null)[]): string {
  return stringify([cells], { cast: { string: withoutFormula }, quoted_string: true, record_delimiter: 'windows' })
}

/**
 * Puts an apostrophe before what a spreadsheet would take for a formula, because names and agents come from strangers.
 * Stricter than the library's `escape_formulas`: also after spaces, and for `|`, tabs and line breaks.
 */
function withoutFormula(text: string): string {
  return /^[\s\u200b\ufeff]*[=+\-@|＝＋－＠]|^[\t\r\n]/.test(text) ? `'${text}` : text
}
