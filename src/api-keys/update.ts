import { authorize } from '../access/authorize.ts'
import { type ChangeServices, change, unchanged } from '../access/change.ts'
import type { Principal } from '../access/principal.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { admitApiKey, signingKeyCheck, withinForAccount } from './admission.ts'
import { storeApiKey } from './change-queries.ts'
import { endTokensWithKey, isBroughtForward } from './end-tokens.ts'
import { type LockedApiKey, readChangedApiKey, settingsLock } from './lock.ts'
import { type ApiKeyChange, changedDraft, changesOf } from './settings.ts'
import { type ApiKeyView, apiKeyView } from './view.ts'

type UpdatingServices = ChangeServices & Pick<Services, 'config' | 'db' | 'keyring'>

/**
 * Changes settings of a key; absent members stay unchanged. Earlier tokens keep their content until they expire, but
 * none outlives an expiry that was brought forward. Without a difference nothing is written.
 *
 * Throws `not_found`, `conflict` for a dead key, `precondition_failed`, `invalid_request`, `permission_denied` for
 * granting more than the caller holds or for a key whose roles the caller does not hold, `lifetime_not_allowed` for
 * a key that the change widens or prolongs beyond the organization's policy.
 */
export async function updateApiKey(
  services: UpdatingServices,
  actor: Principal,
  id: string,
  settings: ApiKeyChange,
): Promise<ApiKeyView> {
  return (await update(services, actor, id, settings, {})).updated
}

/** What `updateApiKey` would break: an expiry that is brought forward ends tokens. Writes nothing. Throws the same. */
export async function tryUpdatingApiKey(
  services: UpdatingServices,
  actor: Principal,
  id: string,
  settings: ApiKeyChange,
): Promise<Impact> {
  const { endsAt } = await update(services, actor, id, settings, { dryRun: true })
  return await whatWouldBreak(services.db, endsAt ? [id] : [], endsAt ?? services.now())
}

/** `endsAt`: the key's new expiry, if it was brought forward. */
type Updated = { readonly updated: ApiKeyView; readonly endsAt: Date | null }

async function update(
  services: UpdatingServices,
  actor: Principal,
  id: string,
  settings: ApiKeyChange,
  options: { dryRun?: boolean },
): Promise<Updated> {
  const accountsWithin = withinForAccount(actor, settings, authorize(actor, 'api_keys.update'))
  const requireSigningKey = await signingKeyCheck(services, settings.tokenAlgorithm)
  return await change<LockedApiKey, Updated>(
    services,
    actor,
    'api_keys.update',
    settingsLock(id, settings),
    async (tx, { apiKey: previous, organization }, now) => {
      requireSigningKey()
      const draft = changedDraft(previous, settings, now, services.config)
      const changes = changesOf(previous, draft)
      if (Object.keys(changes).length === 0) return unchanged({ updated: apiKeyView(previous, now), endsAt: null })
      await admitApiKey(tx, actor, { draft, previous, organization, accountsWithin, showsSecret: false }, now)
      const { environment: _, ...stored } = draft
      await storeApiKey(tx, id, stored)
      const { expiresAt } = draft
      await endTokensWithKey(tx, services, { id, organizationId: organization.id, actor, previous, expiresAt }, now)
      const endsAt = isBroughtForward(previous.expiresAt, expiresAt) ? expiresAt : null
      return {
        view: { updated: await readChangedApiKey(tx, id, now), endsAt },
        event: { type: 'api_key.updated', context: { changes } },
      }
    },
    options,
  )
}
