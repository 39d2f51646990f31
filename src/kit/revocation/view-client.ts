import { withDeadline } from '../runtime.ts'

/** Equals `revocationChannel` in revocation/list-queries.ts, which applications do not load. */
const channel = 'mintage_revocations'

type Connection = { url: string; pooler: 'none' | 'transaction'; deadlineMilliseconds: number }

/**
 * An open client of postgres.js. Its types are kept out of the declarations, so that importing a list does not need the
 * driver.
 *
 * @internal
 */
export type Client = Awaited<ReturnType<typeof openClient>>

/** Listens on a separate connection. postgres.js opens it again when it breaks. */
export async function listen(url: string, onChange: () => void): Promise<() => Promise<void>> {
  const client = openClient({ url, pooler: 'none', deadlineMilliseconds: 5000 })
  try {
    await withDeadline(
      () => client.then((sql) => sql.listen(channel, onChange, onChange)),
      5000,
      () => new Error('the database did not accept LISTEN'),
    )
  } catch (error) {
    void discard(client)
    throw error
  }
  return () => discard(client)
}

export async function openClient({ url, pooler, deadlineMilliseconds }: Connection) {
  const { default: postgres } = await import('postgres').catch((cause: unknown) => {
    throw new Error('the package `postgres` is missing: npm install postgres', { cause })
  })
  return postgres(url, {
    max: 1,
    prepare: pooler === 'none',
    // Only base types are read. This saves a catalogue query for each connection.
    fetch_types: false,
    connect_timeout: deadlineMilliseconds / 1000,
    connection: { application_name: 'mintage-revocations' },
    onnotice: () => {},
  })
}

export async function discard(client: Promise<Client>): Promise<void> {
  await client.then((sql) => sql.end({ timeout: 0 })).catch(() => {})
}
