/** One line of a comparison. A contender has a ratio to ours, and the target of docs/performance.md if there is one. */
export type Row = { subject: string; figures: Record<string, string>; ratio?: number; target?: number | undefined }

/** Prints aligned columns, and each ratio next to its target. */
export function printTable(title: string, rows: readonly Row[]): void {
  const names = [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))]
  const lines = [
    ['', ...names, 'ours against it', 'target'],
    ...rows.map((row) => [row.subject, ...names.map((name) => row.figures[name] ?? ''), ...verdict(row)]),
  ]
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? []
  console.log(`\n${title}`)
  for (const line of lines)
    console.log(
      `  ${line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('   ')}`.trimEnd(),
    )
}

function verdict({ ratio, target }: Row): [string, string] {
  if (ratio === undefined) return ['', '']
  const reached = target === undefined ? '' : `≥ ${target.toFixed(2)} ${ratio >= target ? 'reached' : 'missed'}`
  return [ratio.toFixed(2), reached]
}

export const perSecond = (value: number) => Math.round(value).toLocaleString('en-US')
export const microseconds = (value: number) => value.toFixed(1)
