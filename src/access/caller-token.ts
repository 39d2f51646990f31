import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { isTokenRevoked } from '../revocation/list-queries.ts'
import type { Principal } from './principal.ts'

/**
 * Refuses a caller whose access token is revoked, by the rules in the database: the list in memory may be a second old.
 * Call it in the transaction of a change, after the audit event was appended. The audit trail is locked then, so a
 * revocation that comes earlier in the trail is always seen. Throws `api_key_rejected`.
 */
export async function refuseRevokedCaller(tx: Db, { accessToken }: Principal, now: Date): Promise<void> {
  if (!accessToken || !(await isTokenRevoked(tx, accessToken, now))) return
  throw new ServiceError('api_key_rejected', { reason: 'token_revoked' })
}
