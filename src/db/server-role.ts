import { unavailable } from './deadline.ts'

/** Why the service cannot use this server: it may be stale, and it cannot be written to. */
export const inRecovery = 'the server is in recovery: it is a standby, not the primary'
export const readOnly = 'the server is read-only'

/** What the server reports about itself when a connection opens, and when it changes (PostgreSQL 14 and later). */
export function unfitness(parameter: string, value: string): string | undefined {
  if (value !== 'on') return undefined
  if (parameter === 'in_hot_standby') return inRecovery
  return parameter === 'default_transaction_read_only' ? readOnly : undefined
}

/** For the operator who started a program on such a server. */
export const primaryWanted = (unfitness: string) =>
  `${unfitness}. Let DATABASE_URL name the primary, or every host of the cluster`

/**
 * For reads whose answer must not be stale. A pooler does not report what its server is, so the statement itself has to
 * ask: `pg_is_in_recovery()`.
 */
export function refuseReplica(replica: boolean | undefined): void {
  if (replica) throw unavailable(inRecovery)
}
