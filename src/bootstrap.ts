import type { Role } from './access/permissions.ts'
import { systemPrincipal } from './access/principal.ts'
import { type ApiKeyEnvironment, parseApiKey } from './api-keys/format.ts'
import { insertApiKey, type StoredSecret } from './api-keys/queries.ts'
import { createSecret, storedSecret } from './api-keys/secret.ts'
import { appendAuditEvent } from './audit/queries.ts'
import { newId } from './crypto/random.ts'
import type { Db } from './db/database.ts'
import { claimBootstrap } from './db/service-state.ts'
import { insertOrganization } from './organizations/queries.ts'
import type { Services } from './services.ts'
import { createSigningKeys } from './signing-keys/create.ts'

export type BootstrapResult = {
  readonly organizationId: string
  /** Null when MINTAGE_ROOT_API_KEY declares the key: the operator already has it. */
  readonly rootApiKey: string | null
  /** A test key for trying things out; null unless requested. */
  readonly testApiKey: string | null
}

type BootstrapOptions = {
  /** Creates a test key in addition to the root key, as on the first start of an embedded database. */
  withTestKey: boolean
  /** Called with the secrets before the commit. If it throws, everything is rolled back. */
  keep?: (result: BootstrapResult) => Promise<void>
}

type BootstrapServices = Pick<Services, 'db' | 'config' | 'keyEncryption' | 'platform' | 'now'>

/**
 * Fills an empty database: service state, key ring, the organization `default` and its root key, all in one
 * transaction. Undefined, with nothing written, when the database was bootstrapped before. Of several concurrent calls
 * one creates everything and gets the secrets. Throws `TypeError` when MINTAGE_ROOT_API_KEY is not an API key for
 * `live`.
 *
 * @example
 * ```ts
 * import { bootstrap, type Services } from 'mintage'
 *
 * export async function showRootKeyOnce(services: Services): Promise<void> {
 *   const firstStart = await bootstrap(services, { withTestKey: false })
 *   if (firstStart) console.log(firstStart.rootApiKey)
 * }
 * ```
 */
export async function bootstrap(
  services: BootstrapServices,
  { withTestKey, keep }: BootstrapOptions,
): Promise<BootstrapResult | undefined> {
  const { db, config, now } = services
  const declared = await declaredRootKey(services)
  return await db.transaction(async (tx) => {
    const at = now()
    if (!(await claimBootstrap(tx, { largestTokenTtlSeconds: config.maxTokenTtlSeconds, now: at }))) return undefined
    const organizationId = newId('org')
    const organization = { id: organizationId, name: 'default', slug: 'default', plan: 'enterprise', createdAt: at }
    await insertOrganization(tx, organization)
    await createSigningKeys(tx, services, at, systemPrincipal.clientId)
    const rootApiKey = declared ?? (await createSecret(services, 'live'))
    const root = { ...rootKey, organizationId, audiences: [config.issuer] }
    const rootApiKeyId = await insertFirstKey(tx, root, rootApiKey.stored, at)
    const testApiKey = withTestKey ? await createSecret(services, 'test') : null
    if (testApiKey) await insertFirstKey(tx, { organizationId, ...testKey }, testApiKey.stored, at)
    const event = {
      type: 'service.bootstrapped',
      actor: systemPrincipal,
      organizationId,
      subject: organizationId,
      context: { rootApiKeyId },
    } as const
    await appendAuditEvent(tx, event, at)
    const result = {
      organizationId,
      rootApiKey: declared ? null : rootApiKey.secret,
      testApiKey: testApiKey?.secret ?? null,
    }
    await keep?.(result)
    return result
  })
}

const rootKey = { name: 'root', environment: 'live', roles: ['root'], scopes: [] } as const

/** With the scopes that the examples in the README use. */
const testKey = {
  name: 'test',
  environment: 'test',
  roles: [],
  scopes: ['orders:read', 'orders:write'],
  audiences: [],
} as const

type FirstKey = {
  organizationId: string
  name: string
  environment: ApiKeyEnvironment
  roles: readonly Role[]
  scopes: readonly string[]
  audiences: readonly string[]
}

async function insertFirstKey(tx: Db, key: FirstKey, stored: StoredSecret, at: Date): Promise<string> {
  const id = newId('key')
  const lists = { roles: [...key.roles], scopes: [...key.scopes], audiences: [...key.audiences] }
  await insertApiKey(tx, { ...key, ...lists, id, createdAt: at, createdBy: systemPrincipal.clientId }, stored)
  return id
}

async function declaredRootKey({ config, platform }: Pick<Services, 'config' | 'platform'>) {
  const { rootApiKey: secret, apiKeyPrefixes } = config
  if (secret === null) return undefined
  const declared = parseApiKey(secret, apiKeyPrefixes)
  if (declared?.environment !== 'live') {
    throw new TypeError(
      `MINTAGE_ROOT_API_KEY is not an API key for live: it must be ${apiKeyPrefixes[0]}_live_ followed by 49 characters, of which the last six are the checksum`,
    )
  }
  return { secret, stored: await storedSecret({ platform }, secret, declared.prefix) }
}
