import { authorize } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import { ServiceError } from '../errors.ts'
import { refreshAfterCommit } from '../revocation/refresh-after-commit.ts'
import type { Services } from '../services.ts'
import { admitApiKey, requireSigningKey, withinForAccount } from './admission.ts'
import { storeApiKey } from './change-queries.ts'
import { endTokensWithKey } from './end-tokens.ts'
import { keepingHolders, lockApiKey } from './lock.ts'
import { findApiKey } from './queries.ts'
import type { ApiKeyChange } from './settings.ts'
import { changedDraft, changesOf } from './settings.ts'
import { type ApiKeyView, apiKeyView } from './view.ts'

/**
 * Changes settings of a key; absent members stay unchanged. Earlier tokens keep their content until they expire, but
 * none outlives an expiry that was brought forward. `revision` = the one that the caller saw last (`If-Match`);
 * undefined = any. Without a difference nothing is written.
 *
 * Throws `not_found`, `conflict` for a dead key, `precondition_failed`, `invalid_request`, `permission_denied` for
 * granting more than the caller holds or for a key whose roles the caller does not hold, `lifetime_not_allowed` when
 * the result would break the organization's policy.
 */
export async function updateApiKey(
  services: Pick<Services, 'config' | 'db' | 'keyring' | 'log' | 'now' | 'revocations' | 'transaction'>,
  actor: Principal,
  id: string,
  change: ApiKeyChange,
  revision?: number,
): Promise<ApiKeyView> {
  const within = authorize(actor, 'api_keys.update')
  const accountsWithin = withinForAccount(actor, change, within)
  const now = services.now()
  await requireSigningKey(services, change.tokenAlgorithm)
  const updated = await services.transaction(async (tx) => {
    return await keepingHolders(tx, { id, within, now, mayTakeAway: change.roles !== undefined }, async () => {
      const { apiKey: previous, organization } = await lockApiKey(tx, { id, within }, now)
      if (revision !== undefined && revision !== previous.revision) throw new ServiceError('precondition_failed')
      const draft = changedDraft(previous, change, now, services.config.apiKeyPrefixes)
      const changes = changesOf(previous, draft)
      if (Object.keys(changes).length === 0) return previous
      await admitApiKey(tx, actor, { draft, previous, organization, accountsWithin, showsSecret: false }, now)
      const { environment: _, ...stored } = draft
      await storeApiKey(tx, id, stored)
      await endTokensWithKey(
        tx,
        services,
        { id, organizationId: organization.id, actor, previous, expiresAt: draft.expiresAt },
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
