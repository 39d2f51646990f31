import { makePgArray } from 'drizzle-orm/pg-core'
import type { WireTypes } from './connection.ts'

/** boolean, smallint, integer, text, varchar, bigint, double precision, timestamptz, uuid: what a statement's `$1::text[]` may be. */
const arrayOids = [1000, 1005, 1007, 1009, 1015, 1016, 1022, 1185, 2951]

/** date, timestamp, timestamptz */
const instantOids = [1082, 1114, 1184]

/**
 * Makes arrays and dates parameters of plain `sql` fragments too, as they are with PGlite. Call it after drizzle took the client: it
 * turns the driver's own handling of dates off.
 */
export function completeWireTypes({ serializers }: WireTypes): void {
  for (const oid of arrayOids) serializers[oid] = (value: unknown) => (Array.isArray(value) ? makePgArray(value.map(asText)) : value)
  for (const oid of instantOids) serializers[oid] = asText
}

function asText(value: unknown): unknown {
  return value instanceof Date ? value.toISOString() : value
}
