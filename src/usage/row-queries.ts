import { type Column, inArray, type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import { printableText } from '../observability/printable-text.ts'
import { remembered } from './recent.ts'

// Many rows in one statement: each column goes as an array of texts, which both drivers can send.

export function texts<Row>(rows: readonly Row[], value: (row: Row) => string | number): SQL {
  return sql`${sql.param(rows.map((row) => String(value(row))))}::text[]`
}

export function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

/** A list as one text, one value a line. */
export function lines(values: readonly string[]): string {
  return values.map(printableText).join('\n')
}

/** The last few of a stored list and of an added one, which is the newer one if `isNewer`. */
export function newestFirst(isNewer: SQL, stored: Column, added: SQL): SQL {
  return sql`array(select entry from unnest(case when ${isNewer} then ${added} || ${stored} else ${stored} || ${added} end)
    with ordinality as listed (entry, place) group by entry order by min(place) limit ${sql.raw(String(remembered))})`
}

/** The condition that the column holds one of the ids, given as a list or as a subquery. */
export function isOneOf(column: Column, ids: readonly string[] | SQLWrapper): SQL {
  return 'getSQL' in ids ? inArray(column, ids) : sql`${column} = any(${sql.param([...ids])}::text[])`
}
