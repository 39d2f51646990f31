import { systemPrincipal } from '../access/principal.ts'
import { appendAuditEvents } from '../audit/append-queries.ts'
import type { AuditEvent } from '../audit/events.ts'
import type { Services } from '../services.ts'
import { deleteLateUsage, forgetDeletedSecrets } from './deletion-queries.ts'
import { deleteApiKeys, lockLongDead, markRotationsDue } from './maintenance-queries.ts'

const day = 86_400
/** A reminder comes this long before the rotation is due, or in the last quarter of a short period. */
const reminderAheadSeconds = 7 * day
/** Dead keys are kept this long, and the hashes of deleted ones. Their audit events stay. */
const keptSeconds = 90 * day
/** Limit of each kind in one run; the next run continues. */
const mostInOneRun = 100
const mostSecrets = 10_000
/** An instance that could not write to the database may write the usage of a deleted key this late. */
const usageLateSeconds = day

/**
 * Part of maintenance: reminds of rotations that are due soon, deletes keys that have long been dead, and deletes what
 * is left of keys that were deleted by hand.
 */
export async function maintainApiKeys(services: Pick<Services, 'db' | 'now'>): Promise<void> {
  await remindOfRotations(services)
  await purgeApiKeys(services)
  await purgeRests(services)
}

/** Writes `api_key.rotation_due` for each key whose rotation is due soon, once a period. */
async function remindOfRotations({ db, now }: Pick<Services, 'db' | 'now'>): Promise<void> {
  const at = now()
  await db.transaction(async (tx) => {
    const due = await markRotationsDue(tx, { aheadSeconds: reminderAheadSeconds, limit: mostInOneRun }, at)
    const events = due.map(({ id, organizationId, version, dueAt }): AuditEvent => {
      const context = { version, dueAt: dueAt.toISOString() }
      return { type: 'api_key.rotation_due', actor: systemPrincipal, organizationId, subject: id, context }
    })
    await appendAuditEvents(tx, events, at)
  })
}

/**
 * Deletes keys that were revoked or expired more than 90 days ago, once no token of theirs and no rule about them can
 * matter.
 */
export async function purgeApiKeys({ db, now }: Pick<Services, 'db' | 'now'>): Promise<void> {
  const at = now()
  const before = new Date(at.getTime() - keptSeconds * 1000)
  await db.transaction(async (tx) => {
    const dead = await lockLongDead(tx, { before, limit: mostInOneRun }, at)
    if (dead.length === 0) return
    await deleteApiKeys(tx, dead, at)
    const events = dead.map(({ id, organizationId, name, endedAt }): AuditEvent => {
      const context = { name, endedAt: endedAt.toISOString() }
      return { type: 'api_key.purged', actor: systemPrincipal, organizationId, subject: id, context }
    })
    await appendAuditEvents(tx, events, at)
  })
}

/** Late usage of deleted keys, and the hashes of those that were deleted long ago. */
async function purgeRests({ db, now }: Pick<Services, 'db' | 'now'>): Promise<void> {
  const secondsAgo = (seconds: number) => new Date(now().getTime() - seconds * 1000)
  await db.transaction(async (tx) => await deleteLateUsage(tx, secondsAgo(usageLateSeconds)))
  await forgetDeletedSecrets(db, { before: secondsAgo(keptSeconds), limit: mostSecrets })
}
