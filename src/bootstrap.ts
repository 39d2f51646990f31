import { type Role, systemPrincipal } from './access/principal.ts'
import { type ApiKeyEnvironment, parseApiKey } from './api-keys/format.ts'
import { insertApiKey, type StoredSecret } from './api-keys/queries.ts'
import { createSecret, storedSecret } from './api-keys/secret.ts'
import { appendAuditEvent } from './audit/queries.ts'
import { newId } from './crypto/random.ts'
import type { Db } from './db/database.ts'
import { claimFirstStart } from './db/service-state.ts'
import { insertOrganization } from './organizations/queries.ts'
import type { Services } from './services.ts'
import { createSigningKeys } from './signing-keys/operations.ts'

export type FirstStart = {
  readonly organizationId: string
  /** Null when MINTAGE_ROOT_API_KEY declared it: its owner has it already. */
  readonly rootApiKey: string | null
  /** A test key for trying things out; null unless it was asked for. */
  readonly testApiKey: string | null
}

export type BootstrapOptions = {
  /** The embedded database's first start makes a test key beside the root key. */
  withTestKey: boolean
  /** Called with the secrets before they are committed: what it throws undoes the first start. */
  keep?: (firstStart: FirstStart) => Promise<void>
}

/**
 * The first start: state, key ring, the organization `default` and its root key, all in one transaction. Undefined when the database
 * was started before: nothing is written then. Several at once make one of everything, and one of them gets the secrets.
 * Throws `TypeError` when MINTAGE_ROOT_API_KEY is no API key for `live`.
 */
export async function bootstrap(
  services: Pick<Services, 'db' | 'config' | 'keyEncryption' | 'platform' | 'now'>,
  { withTestKey, keep }: BootstrapOptions,
): Promise<FirstStart | undefined> {
  const { db, config, now } = services
  const declared = await declaredRootKey(services)
  return await db.transaction(async (tx) => {
    const at = now()
    if (!(await claimFirstStart(tx, { largestTokenTtlSeconds: config.maxTokenTtlSeconds, now: at }))) return undefined
    const organizationId = newId('org')
    await insertOrganization(tx, {
      id: organizationId,
      name: 'default',
      slug: 'default',
      plan: 'enterprise',
      createdAt: at,
    })
    await createSigningKeys(tx, services, at, systemPrincipal.clientId)
    const rootApiKey = declared ?? (await createSecret(services, 'live'))
    const root = {
      organizationId,
      name: 'root',
      environment: 'live',
      roles: ['root'],
      scopes: [],
      audiences: [config.issuer],
    } as const
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
    const firstStart = {
      organizationId,
      rootApiKey: declared ? null : rootApiKey.secret,
      testApiKey: testApiKey?.secret ?? null,
    }
    await keep?.(firstStart)
    return firstStart
  })
}

/** The scopes are those of the examples in the README. */
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
      `MINTAGE_ROOT_API_KEY is no API key for live: it must read ${apiKeyPrefixes[0]}_live_ and 49 characters, the last six being the checksum`,
    )
  }
  return { secret, stored: await storedSecret({ platform }, secret, declared.prefix) }
}
