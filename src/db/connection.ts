import postgres from 'postgres'

/** What one statement brings back; `command` is the server's tag, as `COMMIT`. */
export type Answer = readonly unknown[] & { readonly command: string }

export type Statement = {
  text: string
  params: postgres.ParameterOrJSON<never>[]
  /** Whether the server may keep it by name. */
  prepare: boolean
  /** Rows as arrays of values in place of objects. */
  asValues: boolean
}

export type Sent = {
  readonly answer: Promise<Answer>
  /** False while it could not have reached the server: still connecting. */
  wasSent(): boolean
  /** Asks the server to stop it. Resolves when the request went through or failed; never rejects. */
  cancel(): Promise<void>
}

/** One connection of one life: once lost it stays lost, so that no statement of a transaction can slip onto a later connection. */
export type Connection = {
  send(statement: Statement): Sent
  isLost(): boolean
  /** True once it worked: when it then fails at the next use, the server may have closed it at rest. */
  hasAnswered(): boolean
  /** Says good-bye and closes, whatever is under way. Never rejects. */
  destroy(): Promise<void>
}

/** How values travel, by type oid. Drizzle adds to it when it takes the client. */
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
}

/** Connects with its first statement. postgres.js is the wire protocol only: its own queue, reconnection and transactions are not used. */
export function openConnection(options: ConnectionOptions): Connection {
  let lost = false
  let answered = false
  const settings = {
    max: 1,
    prepare: options.prepare,
    // A further round trip at every connection; what is needed of it stands in wire-types.ts.
    fetch_types: false,
    connect_timeout: options.connectMilliseconds / 1000,
    max_lifetime: null,
    onnotice: () => {},
    onnotify: (channel: string) => options.onNotify?.(channel),
    onclose: () => {
      lost = true
      options.onLost?.()
    },
    connection: { application_name: 'mintage', ...options.parameters },
  }
  const sql = postgres(options.url, settings)
  Object.assign(sql.options.parsers, options.wireTypes.parsers)
  Object.assign(sql.options.serializers, options.wireTypes.serializers)

  return {
    send: ({ text, params, prepare, asValues }) => {
      const query = sql.unsafe(text, params, { prepare })
      const answer: Promise<Answer> = asValues ? query.values().execute() : query.execute()
      answer.then(
        () => {
          answered = true
        },
        () => {},
      )
      return { answer, wasSent: () => !('state' in query) || query.state !== null, cancel: () => cancel(query) }
    },
    isLost: () => lost,
    hasAnswered: () => answered,
    destroy: async () => {
      lost = true
      await sql.end({ timeout: 0 }).catch(() => {})
    },
  }
}

/**
 * What postgres.js's `query.cancel()` does, with the end of it: that method drops the promise, and one that rejects because the server
 * is gone would end the process.
 */
async function cancel(query: object): Promise<void> {
  const canceller: unknown = Reflect.get(query, 'canceller')
  // Of a statement that waits or has ended the driver would never answer.
  if (typeof canceller !== 'function' || Reflect.get(query, 'active') !== true) return
  try {
    await canceller(query)
  } catch {
    // The statement ends with its connection, or by the server's statement_timeout.
  }
}
