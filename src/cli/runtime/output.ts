import Table from 'cli-table3'
import { printableText } from '../../observability/printable-text.ts'

/** Where a command writes. `warn` goes to standard error: what scripts read stays clean. */
export type Output = {
  write(text: string): void
  warn(text: string): void
}

export type Column<Row> = { readonly title: string; readonly value: (row: Row) => string | number | null }

/**
 * A table for people: titles in capitals, columns as wide as their widest value on a screen, two spaces between them.
 */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  return aligned([
    columns.map(({ title }) => title.toUpperCase()),
    ...rows.map((row) => columns.map(({ value }) => shown(value(row)))),
  ])
}

/** One name and value a line. */
export function fields(values: Readonly<Record<string, string | number | null | readonly string[]>>): string {
  return aligned(
    Object.entries(values).map(([name, value]) => [
      printableText(name),
      shown(typeof value === 'object' && value !== null ? value.join(' ') : value),
    ]),
  )
}

/** An RFC 3339 time to the second; milliseconds are noise to people. */
export function shortTime(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z')
}

/** When something happened, and which client did it, if that is known. */
export function timeAndActor(time: string, clientId: string | null): string {
  return clientId === null ? time : `${time} by ${clientId}`
}

const noLines = Object.fromEntries(
  ['top', 'bottom', 'mid', 'left', 'right'].flatMap((side) =>
    [side, `${side}-mid`, `${side}-left`, `${side}-right`].map((name) => [name, '']),
  ),
)

/** Columns by their width on a screen, on which a full-width character takes two places. */
function aligned(cells: readonly (readonly string[])[]): string {
  const grid = new Table({
    chars: { ...noLines, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  })
  grid.push(...cells.map((row) => row.map((content) => ({ content }))))
  return grid.toString().replace(/ +$/gm, '')
}

function shown(value: string | number | null): string {
  return value === null || value === '' ? '-' : printableText(String(value))
}
