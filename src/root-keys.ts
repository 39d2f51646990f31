import { systemPrincipal } from './access/principal.ts'
import { lockOrganization } from './access/queries.ts'
import { findApiKeyBySecret } from './api-keys/authenticate.ts'
import { isDeletedSecret } from './api-keys/deletion-queries.ts'
import { parseApiKey } from './api-keys/format.ts'
import { insertApiKey, type StoredSecret } from './api-keys/queries.ts'
import { findApiKeyByHashes } from './api-keys/revoke-queries.ts'
import { createSecret, storedSecret } from './api-keys/secret.ts'
import { usableApiKey } from './api-keys/usable.ts'
import { appendAuditEvent } from './audit/append-queries.ts'
import { newId } from './crypto/random.ts'
import type { Db } from './db/database.ts'
import { ownsTables } from './db/table-owner.ts'
import { ServiceError } from './errors.ts'
import { findFirstUsableOrganizationId } from './organizations/queries.ts'
import type { Services } from './services.ts'

/** A new root key. The secret is null when MINTAGE_ROOT_API_KEY declares it: the operator already has it. */
export type CreatedRootKey = {
  readonly apiKeyId: string
  readonly organizationId: string
  readonly rootApiKey: string | null
  /** RFC 3339. Null unless the organization limits how long keys live. */
  readonly expiresAt: string | null
}

type CreatingServices = Pick<Services, 'config' | 'db' | 'now' | 'platform'>

/**
 * Creates a root key when no root key is left that could create one. Needs no caller: anyone who owns the tables can do
 * anything with them. `declared` stores the secret of MINTAGE_ROOT_API_KEY instead of a new one. Without
 * `organizationId` the key goes into the oldest organization that is not suspended. Plan limits do not count here.
 *
 * Throws `permission_denied` for a role that does not own the tables, `not_found`, and `conflict` for a suspended
 * organization or a declared secret that is in the database already. Throws `TypeError` as `bootstrap` does.
 */
export async function createRootKey(
  services: CreatingServices,
  { organizationId, declared = false }: { organizationId?: string | undefined; declared?: boolean } = {},
): Promise<CreatedRootKey> {
  const { db, now } = services
  const { secret, stored } = declared ? await requireDeclared(services) : await createSecret(services, 'live')
  return await db.transaction(async (tx) => {
    if (!(await ownsTables(tx)))
      throw new ServiceError('permission_denied', {
        detail: 'Only the role that owns the tables may create a root key.',
      })
    const organization = await lockHome(tx, organizationId)
    await refuseKnownSecret(tx, stored)
    const at = now()
    const { id, maxKeyLifetimeSeconds: seconds } = organization
    const expiresAt = seconds === null ? null : new Date(at.getTime() + seconds * 1000)
    const apiKeyId = await insertRootKey(tx, services, { organizationId: id, expiresAt, stored }, at)
    const event = {
      type: 'root_key.created',
      actor: systemPrincipal,
      organizationId: id,
      subject: apiKeyId,
      context: { declared, expiresAt: expiresAt?.toISOString() ?? null },
    } as const
    await appendAuditEvent(tx, event, at)
    return {
      apiKeyId,
      organizationId: id,
      rootApiKey: declared ? null : secret,
      expiresAt: expiresAt?.toISOString() ?? null,
    }
  })
}

/** Stores a root key, which may do everything in the admin API. Returns its id. */
export async function insertRootKey(
  tx: Db,
  { config }: Pick<Services, 'config'>,
  { organizationId, expiresAt, stored }: { organizationId: string; expiresAt: Date | null; stored: StoredSecret },
  at: Date,
): Promise<string> {
  const id = newId('key')
  const root = { name: 'root', environment: 'live', roles: ['root'], scopes: [], audiences: [config.issuer] } as const
  const lists = { roles: [...root.roles], scopes: [...root.scopes], audiences: [...root.audiences] }
  const created = { createdAt: at, createdBy: systemPrincipal.clientId }
  await insertApiKey(tx, { ...root, ...lists, ...created, id, organizationId, expiresAt }, stored)
  return id
}

/** The root key that MINTAGE_ROOT_API_KEY declares. Throws `TypeError` when it is not an API key for `live`. */
export async function declaredRootKey({ config, platform }: Pick<Services, 'config' | 'platform'>) {
  const { rootApiKey: secret, apiKeyPrefixes } = config
  if (secret === null) return undefined
  const declared = parseApiKey(secret, apiKeyPrefixes)
  if (declared?.environment !== 'live') {
    throw new TypeError(
      `MINTAGE_ROOT_API_KEY is not an API key for live: it must be ${apiKeyPrefixes[0]}_live_ followed by 49 characters, of which the last six are the checksum. \`mintage api-keys generate\` makes one`,
    )
  }
  return { secret, stored: await storedSecret({ platform }, secret, declared.prefix) }
}

/**
 * Why the key in MINTAGE_ROOT_API_KEY does not work as a root key of this database; undefined = it works, or none is
 * declared. Does not check addresses: nobody uses the key here.
 */
export async function faultOfDeclaredRootKey(
  services: Pick<Services, 'apiKeys' | 'config' | 'platform'>,
  now: Date,
): Promise<string | undefined> {
  const secret = services.config.rootApiKey
  if (secret === null) return undefined
  const found = await findApiKeyBySecret(services, secret, now)
  const usable = usableApiKey(found, { clientId: undefined, address: 'not_checked' }, now)
  if (typeof usable === 'string') return usable
  return usable.roles.includes('root') ? undefined : 'not_root'
}

async function requireDeclared(services: Pick<Services, 'config' | 'platform'>) {
  const declared = await declaredRootKey(services)
  if (declared) return declared
  throw new ServiceError('conflict', { detail: 'MINTAGE_ROOT_API_KEY is not set.' })
}

async function lockHome(tx: Db, asked: string | undefined) {
  const id = asked ?? (await findFirstUsableOrganizationId(tx))
  const organization = id === undefined ? undefined : await lockOrganization(tx, { id, within: 'everywhere' })
  if (!organization && asked === undefined)
    throw new ServiceError('conflict', { detail: 'No organization is in use: all are suspended, or there is none.' })
  if (!organization) throw new ServiceError('not_found')
  if (organization.suspendedAt)
    throw new ServiceError('conflict', { detail: 'This organization is suspended: its keys do not work.' })
  return organization
}

async function refuseKnownSecret(tx: Db, { hash }: StoredSecret): Promise<void> {
  const known = await findApiKeyByHashes(tx, { hashes: [hash], within: 'everywhere' })
  if (known !== undefined) {
    throw new ServiceError('conflict', {
      detail: `The key in MINTAGE_ROOT_API_KEY is in the database already, as ${known}. Declare a new one.`,
    })
  }
  if (await isDeletedSecret(tx, hash)) {
    throw new ServiceError('conflict', { detail: 'The key in MINTAGE_ROOT_API_KEY was deleted. Declare a new one.' })
  }
}
