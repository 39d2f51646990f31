import { isAddressAllowed } from '../access/cidr.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { hashSecret } from './foreign-secret.ts'
import { mayBeForeignSecret, parseApiKey } from './format.ts'
import type { ApiKeyRecord } from './lookup.ts'
import { apiKeyStatus } from './status.ts'

type LookupServices = Pick<Services, 'apiKeys' | 'config' | 'platform'>

/**
 * The usable API key with this secret. When a client id came along, it must be the key's (RFC 6749 §2.3.1).
 *
 * Throws `api_key_rejected` with the true reason inside and the same face for all of them. Does not check scopes, roles or
 * limits. `now` = the instant read before the lookup, `address` = where the request came from; null = not known.
 */
export async function authenticateApiKey(
  services: LookupServices,
  secret: string,
  clientId: string | undefined,
  now: Date,
  address: string | null,
): Promise<ApiKeyRecord> {
  const apiKey = await findBySecret(services, secret, now)
  if (apiKey === 'malformed') throw new ServiceError('api_key_rejected', { reason: 'malformed' })
  const status = apiKeyStatus(apiKey, now)
  if (!apiKey || status !== 'usable') throw new ServiceError('api_key_rejected', { reason: status })
  if (clientId !== undefined && clientId !== apiKey.id)
    throw new ServiceError('api_key_rejected', { reason: 'client_mismatch' })
  if (!isAddressAllowed(apiKey, address)) throw new ServiceError('api_key_rejected', { reason: 'address_not_allowed' })
  return apiKey
}

/**
 * The API key with this secret, whatever its status. Text that is no key of ours reaches the database only where keys were imported, whose
 * secrets may have any form; known and unknown keys take the same path there.
 */
export function findBySecret(
  services: LookupServices,
  secret: string,
  now: Date,
): Promise<ApiKeyRecord | undefined | 'malformed'> {
  const { apiKeys, config, platform } = services
  if (!parseApiKey(secret, config.apiKeyPrefixes)) return findForeign(services, secret, now)
  const hash = platform.sha256(secret)
  return typeof hash === 'string' ? apiKeys.byHash(hash) : hash.then(apiKeys.byHash)
}

/** Of a key that was imported. */
async function findForeign(
  services: LookupServices,
  secret: string,
  now: Date,
): Promise<ApiKeyRecord | undefined | 'malformed'> {
  const { apiKeys, config, platform } = services
  if (!mayBeForeignSecret(secret, config.apiKeyPrefixes)) return 'malformed'
  const algorithms = await apiKeys.importedAlgorithms(now)
  if (algorithms.length === 0) return 'malformed'
  const found = await Promise.all(
    algorithms.map(async (algorithm) => await apiKeys.byHash(await hashSecret(platform, algorithm, secret), algorithm)),
  )
  return found.find((apiKey) => apiKey !== undefined)
}
