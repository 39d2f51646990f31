import { authorize } from '../access/authorize.ts'
import { type ChangeServices, change, unchanged } from '../access/change.ts'
import type { Principal } from '../access/principal.ts'
import type { Services } from '../services.ts'
import { admitApiKey, requireSigningKey, withinForAccount } from './admission.ts'
import { storeApiKey } from './change-queries.ts'
import { endTokensWithKey } from './end-tokens.ts'
import { readChangedApiKey, settingsLock } from './lock.ts'
import { type ApiKeyChange, changedDraft, changesOf } from './settings.ts'
import { type ApiKeyView, apiKeyView } from './view.ts'

/**
 * Changes settings of a key; absent members stay unchanged. Earlier tokens keep their content until they expire, but
 * none outlives an expiry that was brought forward. `expectedRevision` = the one that the caller saw last (`If-Match`);
 * undefined = any. Without a difference nothing is written.
 *
 * Throws `not_found`, `conflict` for a dead key, `precondition_failed`, `invalid_request`, `permission_denied` for
 * granting more than the caller holds or for a key whose roles the caller does not hold, `lifetime_not_allowed` when
 * the result would break the organization's policy.
 */
export async function updateApiKey(
  services: ChangeServices & Pick<Services, 'config' | 'keyring'>,
  actor: Principal,
  id: string,
  settings: ApiKeyChange,
  expectedRevision?: number,
): Promise<ApiKeyView> {
  const accountsWithin = withinForAccount(actor, settings, authorize(actor, 'api_keys.update'))
  await requireSigningKey(services, settings.tokenAlgorithm)
  return await change(
    services,
    actor,
    'api_keys.update',
    settingsLock(id, settings),
    async (tx, { apiKey: previous, organization }, now) => {
      const draft = changedDraft(previous, settings, now, services.config)
      const changes = changesOf(previous, draft)
      if (Object.keys(changes).length === 0) return unchanged(apiKeyView(previous, now))
      await admitApiKey(tx, actor, { draft, previous, organization, accountsWithin, showsSecret: false }, now)
      const { environment: _, ...stored } = draft
      await storeApiKey(tx, id, stored)
      const { expiresAt } = draft
      await endTokensWithKey(tx, services, { id, organizationId: organization.id, actor, previous, expiresAt }, now)
      return { view: await readChangedApiKey(tx, id, now), event: { type: 'api_key.updated', context: { changes } } }
    },
    { expectedRevision },
  )
}
