import { authorize } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import { ServiceError } from '../errors.ts'
import { refreshAfterCommit } from '../revocation/refresh-after-commit.ts'
import type { Services } from '../services.ts'
import { admitApiKey, requireSigningKey, withinForAccount } from './admission.ts'
import { storeApiKey } from './change-queries.ts'
import { endTokensWithKey } from './end-tokens.ts'
import { holdApiKey, keepingHolders } from './lock.ts'
import { findApiKey } from './queries.ts'
import type { ApiKeyChange } from './settings.ts'
import { changedDraft, changesOf } from './settings.ts'
import { type ApiKeyView, apiKeyView } from './view.ts'

/**
 * Changes what a key says; absent members stay. Tokens that were made before keep what they say until their end, but none outlives an expiry
 * that was brought forward. `revision` = what the caller saw last (`If-Match`); undefined = whatever it is. Nothing new = nothing written.
 *
 * Throws `not_found`, `conflict` for a dead key, `precondition_failed`, `invalid_request`, `permission_denied` for granting what the caller
 * does not hold and for a key whose roles it does not hold, `lifetime_not_allowed` when the organization's policy is not met afterwards.
 */
export async function updateApiKey(
  services: Pick<Services, 'config' | 'db' | 'keyring' | 'log' | 'now' | 'revocations'>,
  actor: Principal,
  id: string,
  change: ApiKeyChange,
  revision?: number,
): Promise<ApiKeyView> {
  const within = authorize(actor, 'api_keys.update')
  const accountsWithin = withinForAccount(actor, change, within)
  const now = services.now()
  await requireSigningKey(services, change.tokenAlgorithm)
  const updated = await services.db.transaction(async (tx) => {
    return await keepingHolders(tx, { id, within, now, mayTakeAway: change.roles !== undefined }, async () => {
      const { apiKey: former, organization } = await holdApiKey(tx, { id, within }, now)
      if (revision !== undefined && revision !== former.revision) throw new ServiceError('precondition_failed')
      const draft = changedDraft(former, change, now, services.config.apiKeyPrefixes)
      const changes = changesOf(former, draft)
      if (Object.keys(changes).length === 0) return former
      await admitApiKey(tx, actor, { draft, former, organization, accountsWithin, showsSecret: false }, now)
      const { environment: _, ...stored } = draft
      await storeApiKey(tx, id, stored)
      await endTokensWithKey(
        tx,
        services,
        { id, organizationId: organization.id, actor, former, expiresAt: draft.expiresAt },
        now,
      )
      const event = {
        type: 'api_key.updated',
        actor,
        organizationId: organization.id,
        subject: id,
        context: { changes },
      } as const
      await appendAuditEvent(tx, event, now)
      return await findApiKey(tx, { id, within: 'everywhere' })
    })
  })
  if (!updated) throw new Error('the API key that was changed is gone')
  await refreshAfterCommit(services)
  return apiKeyView(updated, now)
}
