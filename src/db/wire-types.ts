import { makePgArray } from 'drizzle-orm/pg-core'
import type { WireTypes } from './connection.ts'

/** boolean, smallint, integer, text, varchar, bigint, double precision, timestamptz, uuid: what a statement's `$1::text[]` may be. */
const arrayOids = [1000, 1005, 1007, 1009, 1015, 1016, 1022, 1185, 2951]

const textArrayOid = 1009

/** date, timestamp, timestamptz */
const instantOids = [1082, 1114, 1184]

/**
 * Makes arrays and dates parameters of plain `sql` fragments too, as they are with PGlite. Call it after drizzle took the client: it
 * turns the driver's own handling of dates off. Arrays of texts are read here: drizzle's own reading loses backslashes.
 */
export function completeWireTypes({ parsers, serializers }: WireTypes): void {
  parsers[textArrayOid] = textArray
  for (const oid of arrayOids)
    serializers[oid] = (value: unknown) => (Array.isArray(value) ? makePgArray(value.map(asText)) : value)
  for (const oid of instantOids) serializers[oid] = asText
}

/** PostgreSQL's output syntax of an array of one dimension. */
function textArray(literal: string): (string | null)[] {
  if (literal === '{}') return []
  // Without quotes a comma is a comma: by far the most.
  if (!literal.includes('"')) return literal.slice(1, -1).split(',').map(unquoted)
  return [...literal.matchAll(/"([^"\\]*(?:\\.[^"\\]*)*)"|[^,{}"]+/gs)].map(([item, quoted]) => {
    if (quoted !== undefined) return quoted.replace(/\\(.)/gs, '$1')
    return unquoted(item)
  })
}

function unquoted(item: string): string | null {
  return item === 'NULL' ? null : item
}

function asText(value: unknown): unknown {
  return value instanceof Date ? value.toISOString() : value
}
