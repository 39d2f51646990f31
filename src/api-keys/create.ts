import { authorize } from '../access/authorize.ts'
import { type ChangeServices, change } from '../access/change.ts'
import { organizationLockFor } from '../access/locks.ts'
import type { Principal } from '../access/principal.ts'
import { newId } from '../crypto/random.ts'
import type { Services } from '../services.ts'
import { admitApiKey, signingKeyCheck } from './admission.ts'
import { readChangedApiKey } from './lock.ts'
import { insertApiKey } from './queries.ts'
import { restrictedBy } from './restriction-reach.ts'
import { createSecret } from './secret.ts'
import { type ApiKeyInput, draftApiKey, shownSettings } from './settings.ts'
import type { ApiKeyView } from './view.ts'

/**
 * Creates a key and returns its secret, which is never shown again. Without `organizationId` the key goes into the
 * caller's own organization. Throws `invalid_request`, `permission_denied` (also for granting more than the caller
 * holds), `not_found` for an organization or service account that does not exist or is out of reach,
 * `plan_limit_reached`, `lifetime_not_allowed`, and `conflict` when no signing key of the chosen `tokenAlgorithm` is
 * active. Repeating it creates another key.
 */
export async function createApiKey(
  services: ChangeServices & Pick<Services, 'config' | 'keyring' | 'platform'>,
  actor: Principal,
  input: ApiKeyInput,
): Promise<{ apiKey: ApiKeyView; secret: string }> {
  authorize(actor, 'api_keys.create')
  const now = services.now()
  const draft = draftApiKey(input, now, services.config)
  const requireSigningKey = await signingKeyCheck(services, draft.tokenAlgorithm)
  const id = newId('key')
  const { secret, stored } = await createSecret(services, draft.environment)
  const lock = organizationLockFor(input.organizationId)
  const apiKey = await change(
    services,
    actor,
    'api_keys.create',
    lock,
    async (tx, organization, _, accountsWithin) => {
      requireSigningKey()
      await admitApiKey(tx, actor, { draft, organization, accountsWithin, showsSecret: true }, now)
      const reach = restrictedBy(actor, undefined, draft)
      const about = { id, organizationId: organization.id, createdAt: now, createdBy: actor.clientId }
      const created = { ...draft, ...reach, ...about }
      await insertApiKey(tx, created, stored)
      const event = { type: 'api_key.created' as const, subject: id, context: shownSettings(draft) }
      return { view: await readChangedApiKey(tx, id, now), event }
    },
    { now },
  )
  return { apiKey, secret }
}
