import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { parseApiKey } from './format.ts'
import type { ApiKeyRecord } from './lookup.ts'
import { apiKeyStatus } from './status.ts'

/**
 * The usable API key with this secret. Text that is no key of ours never reaches the database; known and unknown keys take
 * the same path there. When a client id came along, it must be the key's (RFC 6749 §2.3.1).
 *
 * Throws `api_key_rejected` with the true reason inside and the same face for all of them. Does not check scopes, roles or
 * limits. `now` = the instant read before the lookup.
 */
export async function authenticateApiKey(
  services: Pick<Services, 'apiKeys' | 'platform'>,
  secret: string,
  clientId: string | undefined,
  now: Date,
): Promise<ApiKeyRecord> {
  if (!parseApiKey(secret)) throw new ServiceError('api_key_rejected', { reason: 'malformed' })
  const hash = services.platform.sha256(secret)
  const apiKey = await services.apiKeys.byHash(typeof hash === 'string' ? hash : await hash)
  const status = apiKeyStatus(apiKey, now)
  if (!apiKey || status !== 'usable') throw new ServiceError('api_key_rejected', { reason: status })
  if (clientId !== undefined && clientId !== apiKey.id) throw new ServiceError('api_key_rejected', { reason: 'client_mismatch' })
  return apiKey
}
