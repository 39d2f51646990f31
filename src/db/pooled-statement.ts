import type { Answer, Connection, Sent, Statement } from './connection.ts'
import { refuseReplica } from './server-role.ts'
import { sessionSettings } from './session-settings.ts'

/**
 * Opens a transaction behind a transaction pooler, which keeps no settings and does not report what its server is. One
 * message: the settings end with the transaction, and the last answer says whether the server is a standby.
 */
export function pooledBegin(limits: Readonly<Record<string, number>>): string {
  const settings = Object.entries({ ...sessionSettings, ...limits })
  const set = settings.map(([name, value]) => `pg_catalog.set_config('${name}', '${value}', true)`)
  return `begin isolation level read committed; select ${set.join(', ')}, pg_catalog.pg_is_in_recovery() as replica`
}

/** @throws ServiceError `database_unavailable` if this answer to `pooledBegin` comes from a standby. */
export function refuseStandby(begun: Answer): void {
  const rows: unknown = begun.at(-1)
  const [row]: unknown[] = Array.isArray(rows) ? rows : []
  refuseReplica(typeof row === 'object' && row !== null && Reflect.get(row, 'replica') === true)
}

/**
 * Sends one statement in a transaction of its own, so that the settings hold for it and a standby cannot answer it. The
 * three parts are sent without waiting for each other.
 */
export function sendInTransaction(connection: Connection, begin: string, statement: Statement): Sent {
  const begun = connection.send({ ...plain, text: begin })
  const sent = connection.send(statement)
  const committed = connection.send({ ...plain, text: 'commit' })
  // One after the other: if the connection ends while it opens, the later parts never answer.
  const wait = async () => {
    refuseStandby(await begun.answer)
    const result = await sent.answer
    await committed.answer
    return result
  }
  const answer = wait()
  answer.catch(() => {})
  return { ...sent, answer }
}

const plain: Omit<Statement, 'text'> = { params: [], prepare: false, asValues: false }
