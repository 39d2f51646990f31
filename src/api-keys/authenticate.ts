import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import type { UsageRecorder } from '../usage/recorder.ts'
import { hashSecret } from './foreign-secret.ts'
import { mayBeForeignSecret, parseApiKey } from './format.ts'
import type { ApiKeyRecord } from './lookup.ts'
import { type ApiKeyRefusal, usableApiKey } from './usable.ts'

type LookupServices = Pick<Services, 'apiKeys' | 'config' | 'platform'>
/** Counts each use and each refused attempt. */
type Counting = { readonly usage: Pick<UsageRecorder, 'recordAuthentication' | 'recordAttempt'> }

/** Who sends an API key. */
export type Sender = {
  /** Null = not known. */
  readonly address: string | null
  readonly agent: string | null
  /** Called as soon as the key is found, even if it is refused afterwards: the log then says whose request it was. */
  readonly found?: ((apiKey: ApiKeyRecord) => void) | undefined
}

/** An API key as it was sent, with the client id that came with it, if any. */
type PresentedApiKey = Sender & { readonly secret: string; readonly clientId: string | undefined }

/**
 * The usable API key with this secret, or the reason why it is refused. `now` is the time read before the lookup. Does
 * not check scopes, roles or limits.
 */
export async function checkApiKey(
  services: LookupServices & Counting,
  presented: PresentedApiKey,
  now: Date,
): Promise<ApiKeyRecord | ApiKeyRefusal> {
  return admitSender(services, await findApiKeyBySecret(services, presented.secret, now), presented, now)
}

/**
 * As `checkApiKey`, for a key that was found in another way. The authentication is counted for the key, or the refused
 * attempt.
 */
export function admitSender(
  { usage }: Counting,
  found: ApiKeyRecord | 'malformed' | undefined,
  sender: Sender & { readonly clientId: string | undefined },
  now: Date,
): ApiKeyRecord | ApiKeyRefusal {
  const admitted = usableApiKey(found, sender, now)
  if (!found || found === 'malformed') return admitted
  sender.found?.(found)
  const use = { apiKeyId: found.id, version: found.version, address: sender.address, agent: sender.agent, at: now }
  if (typeof admitted === 'string') usage.recordAttempt({ ...use, reason: admitted })
  else usage.recordAuthentication(use)
  return admitted
}

/**
 * As `checkApiKey`, but throws `api_key_rejected`. The reason stays inside the error: all refusals look the same to the
 * caller.
 */
export async function authenticateApiKey(
  services: LookupServices & Counting,
  presented: PresentedApiKey,
  now: Date,
): Promise<ApiKeyRecord> {
  const apiKey = await checkApiKey(services, presented, now)
  if (typeof apiKey === 'string') throw new ServiceError('api_key_rejected', { reason: apiKey })
  return apiKey
}

/**
 * The API key with this secret, whatever its status. Text in another format than ours is looked up only where keys were
 * imported, because their secrets may have any format. Known and unknown keys take the same path there.
 */
export function findApiKeyBySecret(
  services: LookupServices,
  secret: string,
  now: Date,
): Promise<ApiKeyRecord | undefined | 'malformed'> {
  const { apiKeys, config, platform } = services
  if (!parseApiKey(secret, config.apiKeyPrefixes)) return findForeign(services, secret, now)
  const hash = platform.sha256(secret)
  return typeof hash === 'string' ? apiKeys.byHash(hash) : hash.then(apiKeys.byHash)
}

/** Looks the text up as the secret of an imported key. */
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
