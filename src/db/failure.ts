import { ServiceError } from '../errors.ts'
import { outcomeUnknown, unavailable } from './deadline.ts'

/**
 * What a failed database call means to the caller; undefined when the error does not come from the database.
 * Drizzle's own message holds every parameter, so what is no outage becomes `internal` with a reason that holds none.
 */
export function databaseFailure(error: unknown): ServiceError | undefined {
  if (error instanceof ServiceError) return isOutage(error) ? error : undefined
  const origin = originOf(error)
  if (origin instanceof ServiceError) return isOutage(origin) ? origin : undefined
  const state = sqlState(origin)
  if (state !== undefined)
    return outageOf(origin, false) ?? new ServiceError('internal', { reason: describe(origin, state, error) })
  return isDrizzleError(error)
    ? new ServiceError('internal', { reason: describe(origin, 'no SQLSTATE', error) })
    : undefined
}

/** The SQLSTATE of the driver's error, however deep it is wrapped; undefined when the server said none. */
export function sqlState(error: unknown): string | undefined {
  const origin = originOf(error)
  const state = property(origin, 'code')
  return typeof state === 'string' && /^[0-9A-Z]{5}$/.test(state) && property(origin, 'severity') !== undefined
    ? state
    : undefined
}

/** The unique constraint that a statement would have broken, by its name in the schema; undefined for any other error. */
export function brokenUniqueness(error: unknown): string | undefined {
  if (sqlState(error) !== '23505') return undefined
  const origin = originOf(error)
  const name = property(origin, 'constraint_name') ?? property(origin, 'constraint')
  return typeof name === 'string' ? name : undefined
}

/**
 * What a driver's error means when it is one of the server's or the connection's trouble; undefined for a fault of the statement.
 * @param changesAtStake Whether a change was sent whose fate a lost connection leaves open.
 */
export function outageOf(error: unknown, changesAtStake: boolean): ServiceError | undefined {
  if (error instanceof ServiceError) return isOutage(error) ? error : undefined
  const state = sqlState(error)
  if (isConnectionLoss(error)) {
    const reason = `the connection was lost (${state ?? property(error, 'code') ?? 'no code'})`
    return changesAtStake ? outcomeUnknown(reason, error) : unavailable(reason, error)
  }
  return state !== undefined && isTemporary(state) ? unavailable(`the server refused (${state})`, error) : undefined
}

/**
 * Whether the connection is gone with the error. Everything that the server did not say itself and that is no slip of ours counts:
 * the runtimes' socket errors have no common mark.
 */
export function isConnectionLoss(error: unknown): boolean {
  const state = sqlState(error)
  if (state !== undefined) return state.startsWith('08') || losses.has(state) || property(error, 'severity') === 'FATAL'
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ServiceError) return false
  return !slips.has(String(property(error, 'code')))
}

/** Administrator's and crash shutdown, terminated idle sessions, completion unknown. */
const losses = new Set(['57P01', '57P02', '57P05', '25P03', '25P04', '40003'])

/** postgres.js refuses these before it sends anything. */
const slips = new Set(['UNDEFINED_VALUE', 'MAX_PARAMETERS_EXCEEDED', 'NOT_TAGGED_CALL', 'UNSAFE_TRANSACTION'])

/**
 * The statement did not happen and may be repeated: cancelled, out of a resource, starting up, a lock not to be had, a deadlock or a
 * serialization failure, a server that became read-only (a replica after a failover), a role or database that is not let in now.
 */
function isTemporary(state: string): boolean {
  return /^(53|57P03|57014|55P03|40001|40P01|25006|58|28|3D000)/.test(state)
}

const isOutage = ({ code }: ServiceError) => code === 'database_unavailable' || code === 'outcome_unknown'

/** The innermost error; wrappers come from drizzle. */
function originOf(error: unknown): unknown {
  let origin = error
  for (
    let depth = 0;
    depth < 10 && !(origin instanceof ServiceError) && origin instanceof Error && origin.cause instanceof Error;
    depth++
  ) {
    origin = origin.cause
  }
  return origin
}

function isDrizzleError(error: unknown): boolean {
  return (
    error instanceof Error &&
    (property(error, 'query') !== undefined || error.name === 'DrizzleError') &&
    'cause' in error
  )
}

/** Names only: the server's own message and detail may quote values. The statement's text holds placeholders. */
function describe(origin: unknown, state: string, wrapper: unknown): string {
  const names = ['table_name', 'table', 'constraint_name', 'constraint', 'routine'].map((name) =>
    property(origin, name),
  )
  const statement = property(wrapper, 'query') ?? ''
  const where = names.filter((name) => typeof name === 'string').join(' ')
  return `database error ${state} ${where} in ${String(statement).slice(0, 300)}`.replaceAll(/\s+/g, ' ')
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
