import postgres from 'postgres'
import { limitSockets, type SocketLimit, withoutOrigin } from '../kit/postgres-driver.ts'
import { unavailable } from './deadline.ts'
import { unfitness } from './server-role.ts'
import { unreadableDates } from './session-settings.ts'
import { textParameters } from './text-parameters.ts'

/** The answer to one statement. `command` is the server's tag, such as `COMMIT`. */
export type Answer = readonly unknown[] & { readonly command: string }

export type Statement = {
  text: string
  params: postgres.ParameterOrJSON<never>[]
  /** Whether to use a named prepared statement. */
  prepare: boolean
  /** Rows as arrays of values, not as objects. */
  asValues: boolean
}

export type Sent = {
  readonly answer: Promise<Answer>
  /** False while connecting, or if the server cannot be written to: the statement has changed nothing. */
  wasSent(): boolean
  /** Asks the server to stop the statement. Resolves when that request succeeded or failed; never rejects. */
  cancel(): Promise<void>
}

/** Never reconnects: otherwise a statement of a transaction could run on a later connection. */
export type Connection = {
  send(statement: Statement): Sent
  isLost(): boolean
  /** Why the server cannot be written to, once it said so. A call that runs may end; no other call may begin. */
  unfitness(): string | undefined
  /** True after the first answer. If the connection fails later, the server may have closed it while it was idle. */
  hasAnswered(): boolean
  /** Closes the connection, even in the middle of a statement. Never rejects. */
  destroy(): Promise<void>
}

/** How values are encoded, by type oid. Drizzle adds entries when it gets the client. */
export type WireTypes = Pick<postgres.ParsedOptions, 'parsers' | 'serializers'>

export type ConnectionOptions = {
  url: string
  /** Named prepared statements; false behind a transaction pooler. */
  prepare: boolean
  connectMilliseconds: number
  /** Startup parameters; PgBouncer refuses unknown ones. */
  parameters: Record<string, string | number>
  wireTypes: WireTypes
  onNotify?: (channel: string) => void
  onLost?: () => void
  /** The connection ended before the server answered a statement. */
  onUseless?: () => void
}

/**
 * Connects on the first statement. Uses postgres.js for the wire protocol only, not its queue, reconnection or
 * transactions.
 */
export function openConnection(options: ConnectionOptions): Connection {
  let lost = false
  let answered = false
  let unfit: string | undefined
  /** Set if the server said so when the connection opened. The driver may still send the first statement. */
  let refusal: string | undefined
  /** Set if the answers of the server would be misread. */
  let unreadable: string | undefined
  const markLost = () => {
    if (lost) return
    lost = true
    if (!answered) options.onUseless?.()
  }
  /** A pooler may repeat what it heard from a server that it no longer uses, so it is not believed. */
  const watch = (parameter: string, value: string) => {
    unreadable ??= unreadableDates(parameter, value)
    if (unreadable !== undefined) void destroy()
    const reason = options.prepare ? unfitness(parameter, value) : undefined
    if (reason === undefined) return
    unfit = reason
    if (answered) return
    refusal = reason
    void destroy()
  }
  const settings = {
    max: 1,
    prepare: options.prepare,
    // Would cost one more round trip per connection; wire-types.ts has the types we need.
    fetch_types: false,
    connect_timeout: options.connectMilliseconds / 1000,
    max_lifetime: null,
    onnotice: () => {},
    onnotify: (channel: string) => options.onNotify?.(channel),
    onparameter: watch,
    onclose: () => {
      markLost()
      options.onLost?.()
    },
    connection: { application_name: 'mintage', ...options.parameters },
  }
  const sql = postgres(options.url, settings)
  const sockets = limitSockets(sql)
  Object.assign(sql.options.parsers, options.wireTypes.parsers)
  Object.assign(sql.options.serializers, options.wireTypes.serializers)
  const destroy = async () => {
    markLost()
    sockets.refuse()
    await sql.end({ timeout: 0 }).catch(() => {})
  }

  return {
    send: ({ text, params, prepare, asValues }) => {
      const query = withoutOrigin(queryOf(sql, { text, params, prepare: prepare && options.prepare }))
      const sent: Promise<Answer> = asValues ? query.values().execute() : query.execute()
      const answer = sent.then(
        (rows) => {
          if (refusal !== undefined) throw unavailable(refusal)
          if (unreadable !== undefined) throw unreadableError(unreadable)
          answered = true
          return rows
        },
        (error: unknown) => {
          if (unreadable !== undefined) throw unreadableError(unreadable)
          throw refusal === undefined ? error : unavailable(refusal, error)
        },
      )
      answer.catch(() => {})
      const wasSent = () => refusal === undefined && (!('state' in query) || query.state !== null)
      return { answer, wasSent, cancel: () => cancel(query, sockets) }
    },
    isLost: () => lost,
    hasAnswered: () => answered,
    unfitness: () => unfit,
    destroy,
  }
}

/**
 * For a statement without a name, the driver first asks the server for the types of its parameters, and sends their
 * values only when that answer has come. As texts they need no types: one round trip instead of two.
 */
function queryOf(sql: postgres.Sql, { text, params, prepare }: Omit<Statement, 'asValues'>) {
  const texts = prepare || params.length === 0 ? undefined : textParameters(params)
  if (texts === undefined) return sql.unsafe(text, params, { prepare })
  // The driver takes `parameters` as they are if they are set. `simple` would leave them out.
  const options = { prepare: false, simple: false }
  return Object.assign(sql.unsafe(text, [], options), { parameters: texts })
}

/** Counts as a lost connection, because the statement may have run. */
function unreadableError(reason: string): Error {
  return Object.assign(new Error(reason), { code: 'DATE_STYLE' })
}

/**
 * Like `query.cancel()` of postgres.js, which drops the promise: if the server is gone, that promise rejects and would
 * end the process.
 */
async function cancel(query: object, sockets: SocketLimit): Promise<void> {
  const canceller: unknown = Reflect.get(query, 'canceller')
  // For a statement that waits or has ended, the driver's promise would never settle.
  if (typeof canceller !== 'function' || Reflect.get(query, 'active') !== true) return
  sockets.allowOneMore()
  try {
    await canceller(query)
  } catch {
    // The statement ends with its connection or at the server's statement_timeout.
  }
}
