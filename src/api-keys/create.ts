import { authorize, organizationFor } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { lockOrganization } from '../access/queries.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import { newId } from '../crypto/random.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { admitApiKey, requireSigningKey } from './admission.ts'
import { findApiKey, insertApiKey } from './queries.ts'
import { createSecret } from './secret.ts'
import { type ApiKeyInput, draftApiKey, shownSettings } from './settings.ts'
import { type ApiKeyView, apiKeyView } from './view.ts'

/**
 * Creates a key and returns its secret, which is never shown again. Without `organizationId` the key goes into the
 * caller's own organization. Throws `invalid_request`, `permission_denied` (also for granting more than the caller
 * holds), `not_found` for an organization or service account that does not exist or is out of reach,
 * `plan_limit_reached`, `lifetime_not_allowed`, and `conflict` when no signing key of the chosen `tokenAlgorithm` is
 * active. Repeating it creates another key.
 */
export async function createApiKey(
  services: Pick<Services, 'config' | 'db' | 'keyring' | 'now' | 'platform' | 'transaction'>,
  actor: Principal,
  input: ApiKeyInput,
): Promise<{ apiKey: ApiKeyView; secret: string }> {
  const within = authorize(actor, 'api_keys.create')
  const organizationId = organizationFor(actor, within, input.organizationId)
  const now = services.now()
  const draft = draftApiKey(input, now, services.config.apiKeyPrefixes)
  await requireSigningKey(services, draft.tokenAlgorithm)
  const id = newId('key')
  const { secret, stored } = await createSecret(services, draft.environment)

  return await services.transaction(async (tx) => {
    const organization = await lockOrganization(tx, { id: organizationId, within })
    if (!organization) throw new ServiceError('not_found')
    await admitApiKey(tx, actor, { draft, organization, accountsWithin: within, showsSecret: true }, now)
    const created = { id, organizationId, ...draft, createdAt: now, createdBy: actor.clientId }
    await insertApiKey(tx, created, stored)
    const apiKey = await findApiKey(tx, { id, within })
    if (!apiKey) throw new Error('the API key was not inserted')
    const context = shownSettings(draft)
    await appendAuditEvent(tx, { type: 'api_key.created', actor, organizationId, subject: id, context }, now)
    return { apiKey: apiKeyView(apiKey, now), secret }
  })
}
