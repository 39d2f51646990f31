import { ServiceError } from '../errors.ts'
import { isServerError, serverWords } from '../observability/error-words.ts'
import { outcomeUnknown, unavailable } from './deadline.ts'
import { inRecovery } from './server-role.ts'

/**
 * What a failed database call means to the caller; undefined if the error does not come from the database. Drizzle's
 * message contains every parameter. So an error that is not an outage becomes `internal`, with a reason without
 * parameters.
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

/** The SQLSTATE of the driver's error, however deeply wrapped; undefined if the server sent none. */
export function sqlState(error: unknown): string | undefined {
  const origin = originOf(error)
  const state = property(origin, 'code')
  return typeof state === 'string' && /^[0-9A-Z]{5}$/.test(state) && property(origin, 'severity') !== undefined
    ? state
    : undefined
}

/** Name of the unique constraint that the statement broke; undefined for any other error. */
export function brokenUniqueness(error: unknown): string | undefined {
  if (sqlState(error) !== '23505') return undefined
  const origin = originOf(error)
  const name = property(origin, 'constraint_name') ?? property(origin, 'constraint')
  return typeof name === 'string' ? name : undefined
}

/**
 * What a driver's error means if the server or the connection failed; undefined if the statement is at fault.
 * @param changesAtStake Whether a change was sent: then a lost connection leaves its outcome unknown.
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
 * Whether the error means that the connection is gone. The runtimes' socket errors have nothing in common, so this is
 * every error that the server did not send and that is not a mistake in our call.
 */
export function isConnectionLoss(error: unknown): boolean {
  const state = sqlState(error)
  if (state !== undefined) return state.startsWith('08') || losses.has(state) || property(error, 'severity') === 'FATAL'
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ServiceError) return false
  return !callMistakes.has(String(property(error, 'code')))
}

/** The server cannot be written to: a standby, or a server that an operator or its host made read-only. */
export function isReadOnlyServer(error: unknown): boolean {
  return sqlState(error) === '25006' || (error instanceof ServiceError && error.reason === inRecovery)
}

/** The server undid the transaction because of another one: a serialization failure or a deadlock. */
export function isWriteConflict(error: unknown): boolean {
  const state = sqlState(error)
  return state === '40001' || state === '40P01'
}

/** Shutdown by an administrator or a crash, terminated idle sessions, completion unknown. */
const losses = new Set(['57P01', '57P02', '57P05', '25P03', '25P04', '40003'])

/** postgres.js refuses these calls before it sends anything. */
const callMistakes = new Set(['UNDEFINED_VALUE', 'MAX_PARAMETERS_EXCEEDED', 'NOT_TAGGED_CALL', 'UNSAFE_TRANSACTION'])

/**
 * The statement did not run and may be repeated: cancelled, out of resources, starting up, lock not available,
 * deadlock, serialization failure, a server that became read-only (a replica after a failover), or a role or database
 * that is refused now.
 */
function isTemporary(state: string): boolean {
  return /^(53|57P03|57014|55P03|40001|40P01|25006|58|28|3D000)/.test(state)
}

const isOutage = ({ code }: ServiceError) => code === 'database_unavailable' || code === 'outcome_unknown'

/** The innermost error: drizzle wraps errors. */
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

/** Without the server's detail, which may quote values. The statement has placeholders. */
function describe(origin: unknown, state: string, wrapper: unknown): string {
  const words = isServerError(origin) ? serverWords(origin) : state
  const names = ['table_name', 'table', 'constraint_name', 'constraint', 'routine'].map((name) =>
    property(origin, name),
  )
  const statement = property(wrapper, 'query') ?? ''
  const where = names.filter((name) => typeof name === 'string').join(' ')
  return `database error: ${words} ${where} in ${String(statement).slice(0, 300)}`.replaceAll(/\s+/g, ' ')
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
