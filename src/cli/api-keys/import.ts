import type { Command } from 'commander'
import type { ImportReport } from '../../api-keys/import.ts'
import type { ImportedRow } from '../../api-keys/import-row.ts'
import { type Cli, print, verb } from '../runtime/command.ts'
import { CliError } from '../runtime/failure.ts'
import { table } from '../runtime/output.ts'
import { type FileRow, readImportRows } from './import-rows.ts'

/** The size of one request: the service takes at most 1000 rows and 1 MB. */
const mostRows = 500
const mostBytes = 800_000

/** The service's report on one row, by its line in the file. */
type LineReport = ImportedRow extends infer Row
  ? Row extends ImportedRow
    ? Omit<Row, 'index'> & { line: number }
    : never
  : never

export function addImportVerb(apiKeys: Command, cli: Cli): void {
  verb(apiKeys, 'import', 'import API keys that were hashed elsewhere', 'mintage api-keys import keys.csv')
    .argument('<file>', '.jsonl or .csv; - reads standard input')
    .option('--organization <id>', 'where they belong (default: yours)')
    .addHelpText(
      'after',
      '\nColumns: name, hash (hex or base64url), algorithm (sha256, blake3), hint,\nenvironment, scopes, labels, expiresAt … as in POST /v1/api-keys/import.',
    )
    .action(async (file: string, options: { organization?: string; json?: boolean }) => {
      const rows = await readImportRows(cli, file)
      const reports = rows.flatMap((row): LineReport[] =>
        'fault' in row ? [{ line: row.line, result: 'invalid', why: row.fault }] : [],
      )
      for (const chunk of chunksOf(rows)) reports.push(...(await importChunk(cli, chunk, options.organization)))
      const report = summaryOf(reports)
      print(cli, options, report, () => reportText(report))
      if (report.invalid > 0) {
        const what = report.invalid === 1 ? '1 row' : `${report.invalid} rows`
        throw new CliError(`${what} could not be imported`, {
          code: 'rows_invalid',
          hint: 'fix them and run it again: rows that were imported stay',
        })
      }
    })
}

async function importChunk(
  cli: Cli,
  chunk: readonly { line: number; row: unknown }[],
  organizationId?: string,
): Promise<LineReport[]> {
  const body = { organizationId, rows: chunk.map(({ row }) => row) }
  const { rows } = await cli.api().post<ImportReport>('/v1/api-keys/import', 'import the API keys', body)
  return rows.map(({ index, ...row }): LineReport => ({ ...row, line: chunk[index]?.line ?? 0 }))
}

function* chunksOf(rows: readonly FileRow[]) {
  let chunk: { line: number; row: unknown }[] = []
  let bytes = 0
  for (const row of rows) {
    if ('fault' in row) continue
    const size = Buffer.byteLength(JSON.stringify(row.row)) + 1
    if (chunk.length > 0 && (chunk.length === mostRows || bytes + size > mostBytes)) {
      yield chunk
      chunk = []
      bytes = 0
    }
    chunk.push(row)
    bytes += size
  }
  if (chunk.length > 0) yield chunk
}

function summaryOf(reports: readonly LineReport[]) {
  const count = (result: ImportedRow['result']) => reports.filter((row) => row.result === result).length
  const rows = reports.toSorted((one, other) => one.line - other.line)
  return { created: count('created'), duplicates: count('duplicate'), invalid: count('invalid'), rows }
}

function reportText({ created, duplicates, invalid, rows }: ReturnType<typeof summaryOf>): string {
  const summary = `created ${created}, duplicates ${duplicates}, invalid ${invalid}`
  const failed = rows.filter(({ result }) => result !== 'created')
  if (failed.length === 0) return summary
  const lines = table(failed, [
    { title: 'line', value: ({ line }) => line },
    { title: 'result', value: ({ result }) => result },
    { title: 'why', value: (row) => whyOf(row) },
  ])
  return `${summary}\n\n${lines}`
}

function whyOf(row: object): string | null {
  if ('why' in row && typeof row.why === 'string') return row.why
  return 'id' in row && typeof row.id === 'string' ? `it exists as ${row.id}` : null
}
