import { createListener } from '../listener.ts'
import { limitSockets, withoutOrigin } from '../postgres-driver.ts'

/** Equals `revocationChannel` in revocation/list-queries.ts, which applications do not load. */
const channel = 'mintage_revocations'

const answerMilliseconds = 5000

/** What a role or database may set differently. The statements need none of it, so a pooler need not keep it. */
const settings = { search_path: 'public', default_transaction_isolation: 'read committed' } as const

type ClientOptions = {
  url: string
  pooler: 'none' | 'transaction'
  deadlineMilliseconds: number
  onNotify?: () => void
  onLost: () => void
}

/**
 * An open client of postgres.js. Its types are kept out of the declarations, so that importing a list does not need the
 * driver.
 *
 * @internal
 */
export type Client = Awaited<ReturnType<typeof openClient>>

/** Listens on a separate connection, and connects again, to the next host, when it breaks. */
export async function listen(nextUrl: () => string, onChange: () => void): Promise<() => Promise<void>> {
  const listener = createListener({
    answerMilliseconds,
    open({ onNotify, onLost }) {
      let isLost = false
      const lose = () => {
        isLost = true
        onLost()
      }
      const client = openClient({
        url: nextUrl(),
        pooler: 'none',
        deadlineMilliseconds: answerMilliseconds,
        onNotify: () => onNotify(channel),
        onLost: lose,
      })
      return {
        ask: async (text) => await withoutOrigin((await client).unsafe(text)),
        isLost: () => isLost,
        destroy: () => discard(client),
      }
    },
  })
  await listener.listen(channel, onChange)
  return listener.close
}

/** Never connects again: open a new client when `onLost` was called. */
export async function openClient({ url, pooler, deadlineMilliseconds, onNotify, onLost }: ClientOptions) {
  const { default: postgres } = await import('postgres').catch((cause: unknown) => {
    throw new Error('the package `postgres` is missing: npm install postgres', { cause })
  })
  const client = postgres(url, {
    max: 1,
    prepare: pooler === 'none',
    // Only base types are read. This saves a catalogue query for each connection.
    fetch_types: false,
    connect_timeout: deadlineMilliseconds / 1000,
    max_lifetime: null,
    connection: { application_name: 'mintage-revocations', ...(pooler === 'none' ? settings : {}) },
    onnotice: () => {},
    ...(onNotify && { onnotify: onNotify }),
    onclose: onLost,
  })
  const sockets = limitSockets(client)
  return Object.assign(client, { refuseSockets: sockets.refuse })
}

export async function discard(client: Promise<Client>): Promise<void> {
  try {
    const sql = await client
    sql.refuseSockets()
    await sql.end({ timeout: 0 })
  } catch {
    // It never opened, or it is gone.
  }
}
