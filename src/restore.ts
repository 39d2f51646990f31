import { selectLiveKeyIds } from './access/live-key-queries.ts'
import { systemPrincipal } from './access/principal.ts'
import { appendAuditEvent } from './audit/append-queries.ts'
import { startNewGeneration } from './revocation/maintenance-queries.ts'
import type { Services } from './services.ts'
import { type Impact, whatWouldBreak } from './usage/impact.ts'

/**
 * Run once after the database was restored from a backup, before the service starts again. Revocations since the backup
 * are lost, so every token issued until now is refused, and every reader loads the revocation list again. Returns the
 * new generation of the list. Does not revoke again the API keys whose revocation was lost.
 */
export async function declareRestored({ db, config, now }: Pick<Services, 'db' | 'config' | 'now'>): Promise<number> {
  return await db.transaction(async (tx) => {
    const at = now()
    const { clockToleranceSeconds } = config
    const generation = await startNewGeneration(tx, at, { clockToleranceSeconds, actor: systemPrincipal.clientId })
    const event = {
      type: 'service.restored',
      actor: systemPrincipal,
      organizationId: null,
      subject: null,
      context: { generation },
    } as const
    await appendAuditEvent(tx, event, at)
    return generation
  })
}

/** What `declareRestored` would break, as far as the restored database knows. Writes nothing. */
export async function tryDeclaringRestored({ db, now }: Pick<Services, 'db' | 'now'>): Promise<Impact> {
  return await whatWouldBreak(db, await selectLiveKeyIds(db, 'everywhere'), now())
}
