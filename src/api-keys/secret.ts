import type { Services } from '../services.ts'
import { type ApiKeyEnvironment, apiKeyHint, generateApiKey } from './format.ts'
import type { StoredSecret } from './queries.ts'

/** A new secret with the configured prefix, and its form in the database. */
export async function createSecret(
  services: Pick<Services, 'config' | 'platform'>,
  environment: ApiKeyEnvironment,
): Promise<{ secret: string; stored: StoredSecret }> {
  const [prefix] = services.config.apiKeyPrefixes
  const secret = generateApiKey(environment, prefix)
  return { secret, stored: await storedSecret(services, secret, prefix) }
}

/** A secret in our own format, in its form for the database. */
export async function storedSecret(
  { platform }: Pick<Services, 'platform'>,
  secret: string,
  prefix: string,
): Promise<StoredSecret> {
  return { hash: await platform.sha256(secret), hint: apiKeyHint(secret), prefix }
}
