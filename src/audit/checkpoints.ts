import { authorize } from '../access/authorize.ts'
import { refuseRevokedCaller } from '../access/caller-token.ts'
import { requireExpectedRevision } from '../access/precondition.ts'
import { type Principal, systemPrincipal } from '../access/principal.ts'
import type { Db } from '../db/database.ts'
import type { Services } from '../services.ts'
import { appendAuditEvent } from './append-queries.ts'
import type { ChainLink } from './chain.ts'
import { type CheckpointClaims, type CheckpointSigner, readCheckpointClaims } from './checkpoint.ts'
import { countLinks, findChainHead, findLastCheckpoint, insertCheckpoint } from './queries.ts'

/**
 * A checkpoint as the admin API shows it. A copy of `signed` that is kept elsewhere later proves that nothing up to
 * `sequence` was changed.
 */
export type AuditCheckpointView = {
  sequence: number
  hash: string
  /** Events up to and including this one. */
  count: number
  createdAt: string
  /** The record key that signed it. */
  kid: string
  /** Compact JWS of `CheckpointClaims`. */
  signed: string
}

type CheckpointServices = Pick<Services, 'db' | 'now' | 'config' | 'checkpointSigner'>

/**
 * Signs the trail up to its last event, including the one about this checkpoint. Throws `permission_denied`,
 * `keyring_unavailable`.
 */
export async function createAuditCheckpoint(
  services: CheckpointServices & Pick<Services, 'transaction'>,
  actor: Principal,
): Promise<AuditCheckpointView> {
  authorize(actor, 'audit_checkpoints.create')
  requireExpectedRevision(actor, undefined)
  await recordIssuerChange(services)
  const { now, config } = services
  const signer = await services.checkpointSigner()
  return await services.transaction(async (tx) => {
    const at = now()
    const context = { kid: signer.kid }
    const head = await appendAuditEvent(
      tx,
      { type: 'audit_checkpoint.created', actor, organizationId: null, subject: null, context },
      at,
    )
    await refuseRevokedCaller(tx, actor, at)
    const { signed, count } = await signCheckpoint(tx, signer, { issuer: config.issuer, head, at })
    await insertCheckpoint(tx, { sequence: head.sequence, signed, createdAt: at })
    return { sequence: head.sequence, hash: head.hash, count, createdAt: at.toISOString(), kid: signer.kid, signed }
  })
}

const everyMilliseconds = 60 * 60 * 1000

/** Maintenance: a checkpoint an hour if there are new events. Writes no event, because that would be a new event. */
export async function keepCheckpoints(services: CheckpointServices): Promise<void> {
  await recordIssuerChange(services)
  const { db, now, config } = services
  const at = now()
  const last = await findLastCheckpoint(db)
  // A clock that was set back must not delay checkpoints.
  if (last && Math.abs(at.getTime() - last.createdAt.getTime()) < everyMilliseconds) return
  const head = await findChainHead(db)
  if (!head || head.sequence === last?.sequence) return
  const { signed } = await signCheckpoint(db, await services.checkpointSigner(), { issuer: config.issuer, head, at })
  await insertCheckpoint(db, { sequence: head.sequence, signed, createdAt: at })
}

/**
 * If the last checkpoint was signed for another issuer, appends an event that says so, under a checkpoint of this one.
 * Call it before signing a checkpoint: a trail with checkpoints of two issuers and without the event between them is
 * broken. Two instances may both append the event, which does no harm.
 */
export async function recordIssuerChange(services: CheckpointServices): Promise<void> {
  const { db, now, config } = services
  const last = await findLastCheckpoint(db)
  const from = last && claimsOf(last.signed)?.iss
  if (from === undefined || from === config.issuer) return
  const signer = await services.checkpointSigner()
  await db.transaction(async (tx) => {
    const at = now()
    const subjects = { organizationId: null, subject: null }
    const context = { from, to: config.issuer }
    const event = { type: 'service.issuer_changed', actor: systemPrincipal, ...subjects, context } as const
    const head = await appendAuditEvent(tx, event, at)
    const { signed } = await signCheckpoint(tx, signer, { issuer: config.issuer, head, at })
    await insertCheckpoint(tx, { sequence: head.sequence, signed, createdAt: at })
  })
}

/** Counts from the last checkpoint: reading a whole long chain would exceed the statement timeout. */
export async function signCheckpoint(
  db: Db,
  signer: CheckpointSigner,
  { issuer, head, at }: { issuer: string; head: Pick<ChainLink, 'sequence' | 'hash'>; at: Date },
): Promise<{ signed: string; count: number }> {
  const last = await findLastCheckpoint(db)
  const before = last && last.sequence <= head.sequence ? claimsOf(last.signed) : undefined
  const count = (before?.count ?? 0) + (await countLinks(db, { after: before?.sequence ?? 0, upTo: head.sequence }))
  const { sequence, hash } = head
  const signed = await signer.sign({ iss: issuer, iat: Math.floor(at.getTime() / 1000), sequence, hash, count })
  return { signed, count }
}

/** The view of a stored checkpoint. Does not check its signature: verifying the trail does. */
function claimsOf(signed: string): CheckpointClaims | undefined {
  try {
    return readCheckpointClaims(
      JSON.parse(atob((signed.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'))),
    )
  } catch {
    return undefined
  }
}
