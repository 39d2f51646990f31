/** Where a command writes. `warn` goes to standard error: what scripts read stays clean. */
export type Output = {
  write(text: string): void
  warn(text: string): void
}

export type Column<Row> = { readonly title: string; readonly value: (row: Row) => string | number | null }

/** A table for people: titles in capitals, columns as wide as their longest value, two blanks between them. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = [
    columns.map(({ title }) => title.toUpperCase()),
    ...rows.map((row) => columns.map(({ value }) => shown(value(row)))),
  ]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)))
  return cells
    .map((line) => `${line.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ')}`.trimEnd())
    .join('\n')
}

/** Names and values under one another. */
export function fields(values: Readonly<Record<string, string | number | null | readonly string[]>>): string {
  const width = Math.max(...Object.keys(values).map((name) => name.length))
  return Object.entries(values)
    .map(
      ([name, value]) =>
        `${name.padEnd(width)}  ${shown(typeof value === 'object' && value !== null ? value.join(' ') || null : value)}`,
    )
    .join('\n')
}

/** A terminal obeys control characters, so none that came from elsewhere reaches it. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�')
}

/** An RFC 3339 instant to the second; milliseconds are noise to people. */
export function shortInstant(instant: string): string {
  return instant.replace(/\.\d+Z$/, 'Z')
}

function shown(value: string | number | null): string {
  return value === null || value === '' ? '-' : printable(String(value))
}
