import { readFileSync } from 'node:fs'
import { UsageError } from '../runtime/failure.ts'
import { readAll } from '../runtime/input.ts'
import { readJsonText } from '../runtime/json-text.ts'
import { locate, type Surroundings } from '../runtime/surroundings.ts'
import { parseCsv } from './csv.ts'

/**
 * A row to import, with its line (JSONL) or record number (CSV, where the header is record 1). `fault`: it cannot be
 * read.
 */
export type FileRow = { readonly line: number } & ({ readonly row: unknown } | { readonly fault: string })

/** Members that hold several words in one CSV field, separated by spaces. */
const lists = new Set(['scopes', 'audiences', 'roles', 'labels', 'allowedCidrs', 'deniedCidrs'])
const numbers = new Set(['requestsPerMinute', 'rotateEverySeconds'])

/**
 * The rows of a `.jsonl` or `.csv` file, or of standard input (`-`), which is JSONL if it begins with a brace. Throws
 * `UsageError`.
 */
export async function readImportRows(here: Surroundings, path: string): Promise<FileRow[]> {
  const text = path === '-' ? await readAll(here.input) : readFile(locate(here, path))
  const isJson = path === '-' ? text.trimStart().startsWith('{') : path.endsWith('.jsonl')
  if (!isJson && path !== '-' && !path.endsWith('.csv')) {
    throw new UsageError('the file is neither .jsonl nor .csv', {
      hint: '`mintage api-keys import - < file` reads either',
    })
  }
  const rows = isJson ? jsonRows(text) : csvRows(text)
  if (rows.length === 0) throw new UsageError('there is nothing to import', { hint: 'mintage api-keys import --help' })
  return rows
}

function jsonRows(text: string): FileRow[] {
  return text.split('\n').flatMap((content, index): FileRow[] => {
    const line = index + 1
    if (content.trim() === '') return []
    const read = readJsonText(content)
    return ['fault' in read ? { line, fault: `The line ${read.fault}` } : { line, row: read.value }]
  })
}

function csvRows(text: string): FileRow[] {
  const [header, ...records] = parseCsv(text) ?? []
  if (!header)
    throw new UsageError('the file is not a CSV', {
      hint: 'the first line must name the columns, such as name,hash,algorithm,scopes',
    })
  if (new Set(header).size < header.length || header.includes('__proto__'))
    throw new UsageError('the first line names a column twice, or __proto__', {
      hint: 'name each column once: names are those of POST /v1/api-keys/import',
    })
  return records.map((record, index): FileRow => {
    const line = index + 2
    if (record.length !== header.length)
      return { line, fault: `The record has ${record.length} fields, but the header has ${header.length}.` }
    return csvRow(line, header, record)
  })
}

/** An empty field counts as absent. */
function csvRow(line: number, header: readonly string[], record: readonly string[]): FileRow {
  const row: Record<string, unknown> = {}
  for (const [place, name] of header.entries()) {
    const value = record[place] ?? ''
    if (value === '') continue
    if (lists.has(name) && value.includes(','))
      return { line, fault: `${name}: The field contains a comma. Separate entries by spaces.` }
    if (lists.has(name)) row[name] = value.split(' ').filter((word) => word !== '')
    else if (numbers.has(name)) row[name] = Number(value)
    else if (name === 'customClaims') {
      const read = readJsonText(value)
      if ('fault' in read) return { line, fault: `customClaims: The field ${read.fault}` }
      row[name] = read.value
    } else row[name] = value
  }
  return { line, row }
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new UsageError('the file cannot be read', { hint: 'check the path and its permissions', cause })
  }
}
