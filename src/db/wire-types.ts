import { makePgArray } from 'drizzle-orm/pg-core'
import type { WireTypes } from './connection.ts'
import { asText } from './text-parameters.ts'

/** Arrays of boolean, smallint, integer, text, varchar, bigint, double precision, timestamptz, uuid. */
const arrayOids = [1000, 1005, 1007, 1009, 1015, 1016, 1022, 1185, 2951]

const textArrayOid = 1009

/** date, timestamp, timestamptz */
const instantOids = [1082, 1114, 1184]

/**
 * Allows arrays and dates as parameters of plain `sql` fragments, as PGlite does. Call it after drizzle has received
 * the client, because drizzle turns off the driver's handling of dates. Also parses text arrays, because drizzle's
 * parser loses backslashes.
 */
export function completeWireTypes({ parsers, serializers }: WireTypes): void {
  parsers[textArrayOid] = textArray
  for (const oid of arrayOids)
    serializers[oid] = (value: unknown) => (Array.isArray(value) ? makePgArray(value.map(asText)) : value)
  for (const oid of instantOids) serializers[oid] = asText
}

/** Parses PostgreSQL's output syntax of a one-dimensional array. */
function textArray(literal: string): (string | null)[] {
  if (literal === '{}') return []
  // Without quotes every comma is a separator: the common case.
  if (!literal.includes('"')) return literal.slice(1, -1).split(',').map(unquoted)
  return [...literal.matchAll(/"([^"\\]*(?:\\.[^"\\]*)*)"|[^,{}"]+/gs)].map(([item, quoted]) => {
    if (quoted !== undefined) return quoted.replace(/\\(.)/gs, '$1')
    return unquoted(item)
  })
}

function unquoted(item: string): string | null {
  return item === 'NULL' ? null : item
}
