import { CsvError, parse } from 'csv-parse/sync'

/**
 * The records of a CSV text (RFC 4180), without empty lines. Undefined when a quote is never closed or is out of place.
 */
export function parseCsv(text: string): string[][] | undefined {
  try {
    return parse(text, {
      bom: true,
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
      skip_empty_lines: true,
    })
  } catch (error) {
    if (error instanceof CsvError) return undefined
    throw error
  }
}
