import { systemPrincipal } from './access/principal.ts'
import { insertApiKey, type StoredSecret } from './api-keys/queries.ts'
import { createSecret } from './api-keys/secret.ts'
import { appendAuditEvent } from './audit/append-queries.ts'
import { newId } from './crypto/random.ts'
import type { Db } from './db/database.ts'
import { claimBootstrap } from './db/service-state.ts'
import { insertOrganization } from './organizations/queries.ts'
import { declaredRootKey, insertRootKey } from './root-keys.ts'
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
    const root = { organizationId, expiresAt: null, stored: rootApiKey.stored }
    const rootApiKeyId = await insertRootKey(tx, services, root, at)
    const testApiKey = withTestKey ? await createSecret(services, 'test') : null
    if (testApiKey) await insertTestKey(tx, organizationId, testApiKey.stored, at)
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

/** With the scopes that the examples in the README use. */
async function insertTestKey(tx: Db, organizationId: string, stored: StoredSecret, at: Date): Promise<void> {
  const settings = { name: 'test', environment: 'test', scopes: ['orders:read', 'orders:write'] } as const
  const lists = { roles: [], scopes: [...settings.scopes], audiences: [] }
  const created = { createdAt: at, createdBy: systemPrincipal.clientId }
  await insertApiKey(tx, { ...settings, ...lists, ...created, id: newId('key'), organizationId }, stored)
}
