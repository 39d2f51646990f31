import { makePgArray } from 'drizzle-orm/pg-core'

/**
 * Parameters in the text format of the wire. PostgreSQL derives their types from the statement. Undefined if a value is
 * of a kind that the driver must decide about.
 */
export function textParameters(values: readonly unknown[]): (string | null)[] | undefined {
  const texts = values.map(textParameter)
  return texts.every((text) => text !== undefined) ? texts : undefined
}

function textParameter(value: unknown): string | null | undefined {
  if (value === null || typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value instanceof Date) return value.toISOString()
  return Array.isArray(value) ? makePgArray(value.map(asText)) : undefined
}

/** A date as PostgreSQL reads it in any `DateStyle`. */
export function asText(value: unknown): unknown {
  return value instanceof Date ? value.toISOString() : value
}
