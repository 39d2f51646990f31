import { authorize } from '../access/authorize.ts'
import { type ChangeServices, change, unchanged } from '../access/change.ts'
import type { Principal } from '../access/principal.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { admitApiKey, signingKeyCheck, withinForAccount } from './admission.ts'
import { storeApiKey } from './change-queries.ts'
import { requireEndingTokens } from './effects.ts'
import { endEarlierTokens, endTokensWithKey, isBroughtForward } from './end-tokens.ts'
import { type LockedApiKey, readChangedApiKey, settingsLock } from './lock.ts'
import { widerTokensUntil } from './narrowing.ts'
import { restrictedBy } from './restriction-reach.ts'
import { type ApiKeyChange, changedDraft, changesOf } from './settings.ts'
import { type ApiKeyView, apiKeyView } from './view.ts'

type ApiKeyUpdate = ApiKeyChange & {
  /** End the tokens that the key has now. */
  readonly endTokens?: boolean | undefined
}

export type UpdatedApiKey = ApiKeyView & {
  /** Until then, earlier tokens may hold what the change took away. Null: it took nothing away, or they were ended. */
  widerTokensUntil: string | null
  /** Earlier tokens were ended, and tokens issued after this work. Null: they were not ended. */
  tokensUsableFrom: string | null
}

type UpdatingServices = ChangeServices & Pick<Services, 'config' | 'db' | 'keyring'>

/**
 * Changes settings of a key; absent members stay unchanged. Earlier tokens keep their content until they expire, but
 * none outlives an expiry that was brought forward. `endTokens` ends them, also without another change. Without a
 * difference nothing is written.
 *
 * Throws `not_found`, `conflict` for a dead key, `precondition_failed`, `invalid_request`, `permission_denied` for
 * granting more than the caller holds or for a key whose roles the caller does not hold, `lifetime_not_allowed` for
 * a key that the change widens or prolongs beyond the organization's policy.
 */
export async function updateApiKey(
  services: UpdatingServices,
  actor: Principal,
  id: string,
  settings: ApiKeyUpdate,
): Promise<UpdatedApiKey> {
  return (await update(services, actor, id, settings, {})).updated
}

/**
 * What `updateApiKey` would break: `endTokens` and an expiry that is brought forward end tokens. Writes nothing. Throws
 * the same.
 */
export async function tryUpdatingApiKey(
  services: UpdatingServices,
  actor: Principal,
  id: string,
  settings: ApiKeyUpdate,
): Promise<Impact> {
  const { endsAt } = await update(services, actor, id, settings, { dryRun: true })
  return await whatWouldBreak(services.db, endsAt ? [id] : [], endsAt ?? services.now())
}

/** `endsAt`: when tokens end early, if they do. */
type Updated = { readonly updated: UpdatedApiKey; readonly endsAt: Date | null }

async function update(
  services: UpdatingServices,
  actor: Principal,
  id: string,
  { endTokens = false, ...settings }: ApiKeyUpdate,
  options: { dryRun?: boolean },
): Promise<Updated> {
  const accountsWithin = withinForAccount(actor, settings, authorize(actor, 'api_keys.update'))
  const requireSigningKey = await signingKeyCheck(services, settings.tokenAlgorithm)
  const longestTokenSeconds = await services.keyring.longestTokenSeconds() // before the transaction: it may read
  return await change<LockedApiKey, Updated>(
    services,
    actor,
    'api_keys.update',
    settingsLock(id, settings),
    async (tx, { apiKey: previous, organization }, now) => {
      requireSigningKey()
      const draft = changedDraft(previous, settings, now, services.config)
      const changes = changesOf(previous, draft)
      if (Object.keys(changes).length === 0 && !endTokens) {
        const updated = { ...apiKeyView(previous, now), widerTokensUntil: null, tokensUsableFrom: null }
        return unchanged({ updated, endsAt: null })
      }
      await admitApiKey(tx, actor, { draft, previous, organization, accountsWithin, showsSecret: false }, now)
      if (endTokens) await requireEndingTokens(tx, actor, id)
      const { environment: _, ...stored } = draft
      await storeApiKey(tx, id, { ...stored, ...restrictedBy(actor, previous, draft) })
      const { expiresAt } = draft
      const about = { id, organizationId: organization.id, actor }
      await endTokensWithKey(tx, services, { ...about, previous, expiresAt }, now)
      const tokensUsableFrom = endTokens ? await endEarlierTokens(tx, services, about, now) : null
      const view = await readChangedApiKey(tx, id, now)
      const wider = endTokens ? null : widerTokensUntil(previous, draft, { now, longestTokenSeconds })
      const endsEarly = isBroughtForward(previous.expiresAt, expiresAt) ? expiresAt : null
      return {
        view: {
          updated: { ...view, widerTokensUntil: wider, tokensUsableFrom },
          endsAt: endTokens ? now : endsEarly,
        },
        event: { type: 'api_key.updated', context: { changes, ...(tokensUsableFrom && { tokensUsableFrom }) } },
      }
    },
    options,
  )
}
