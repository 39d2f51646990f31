import { authorize } from '../access/authorize.ts'
import { type Change, type ChangeServices, change, unchanged } from '../access/change.ts'
import type { Principal } from '../access/principal.ts'
import { cursorsOf, numberPositions } from '../db/cursors.ts'
import type { Db } from '../db/database.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import { namedThingNotFound, ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { findApiKeyUsage } from '../usage/queries.ts'
import { endTokensOfVersions } from './end-tokens.ts'
import { apiKeyLock, type LockedApiKey, readChangedApiKey, requireRootForRootKey } from './lock.ts'
import { findApiKey } from './queries.ts'
import { endVersions, incrementRevision, selectVersionNumbers, selectVersions } from './version-queries.ts'
import { type ApiKeyVersionView, apiKeyVersionView } from './version-view.ts'
import { type ApiKeyView, apiKeyView } from './view.ts'

/**
 * The versions of a key, newest first, with their usage. Throws `not_found`, and `invalid_request` for an invalid
 * cursor.
 */
export async function listApiKeyVersions(
  { db, now }: Pick<Services, 'db' | 'now'>,
  actor: Principal,
  id: string,
  page: PageRequest,
): Promise<Page<ApiKeyVersionView>> {
  const within = authorize(actor, 'api_keys.read')
  const cursors = cursorsOf(`versions-of-${id}`, numberPositions)
  const before = cursors.read(page.cursor)
  const apiKey = await findApiKey(db, { id, within })
  if (!apiKey) throw new ServiceError('not_found')
  const rows = await selectVersions(db, { apiKeyId: id, before, limit: page.limit + 1 })
  const usage = new Map((await findApiKeyUsage(db, id)).map((row) => [row.version, row]))
  const facts = { newest: apiKey.version, now: now() }
  return pageOf(rows, page.limit, {
    view: (row) => apiKeyVersionView(row, { ...facts, usage: usage.get(row.version) }),
    cursor: (row) => cursors.write(row.version),
  })
}

/**
 * Ends an overlap early: this version of a key, all versions before it and their tokens stop working now. Repeating it
 * changes nothing. Throws `not_found` for a missing key or version, `conflict` for a dead key and for the newest
 * version (the key would be dead without being marked so), `permission_denied` for a root key unless the caller is root
 * or the key itself.
 */
export async function endApiKeyVersion(
  services: ChangeServices & Pick<Services, 'config'>,
  actor: Principal,
  id: string,
  version: number,
): Promise<ApiKeyView> {
  return (await endVersion(services, actor, { id, version, dryRun: false })).apiKey
}

/** What `endApiKeyVersion` would break. Writes nothing. Throws the same. */
export async function tryEndingApiKeyVersion(
  services: ChangeServices & Pick<Services, 'config' | 'db'>,
  actor: Principal,
  id: string,
  version: number,
): Promise<Impact> {
  const { versions } = await endVersion(services, actor, { id, version, dryRun: true })
  return await whatWouldBreak(services.db, versions.length === 0 ? [] : [id], services.now(), versions)
}

type Ended = { readonly apiKey: ApiKeyView; readonly versions: readonly number[] }

async function endVersion(
  services: ChangeServices & Pick<Services, 'config'>,
  actor: Principal,
  { id, version, dryRun }: { id: string; version: number; dryRun: boolean },
): Promise<Ended> {
  const decide = async (tx: Db, { apiKey }: LockedApiKey, now: Date): Promise<Change<Ended>> => {
    requireRootForRootKey(actor, apiKey)
    if (version > apiKey.version) throw await whyNotEndable(tx, id, version)
    if (version < 1) throw namedThingNotFound('version')
    if (version === apiKey.version) {
      throw new ServiceError('conflict', {
        detail: 'This is the newest version. To end it, rotate the key first, or disable or revoke it.',
      })
    }
    const versions = await endVersions(tx, id, version, now)
    if (versions.length === 0) return unchanged({ apiKey: apiKeyView(apiKey, now), versions })
    await incrementRevision(tx, id)
    const { organizationId } = apiKey
    const ended = { id, organizationId, version, reason: 'version ended', actor }
    await endTokensOfVersions(tx, services, ended, now)
    return {
      view: { apiKey: await readChangedApiKey(tx, id, now), versions },
      event: { type: 'api_key.version_ended', context: { version } },
    }
  }
  return await change(services, actor, 'api_keys.rotate', apiKeyLock(id), decide, { dryRun })
}

/** Versions after the newest one were cancelled, or do not exist. */
async function whyNotEndable(tx: Db, id: string, version: number): Promise<ServiceError> {
  const range = { minVersion: version, maxVersion: version }
  const isCancelled = (await selectVersionNumbers(tx, id, range)).length > 0
  if (!isCancelled) return namedThingNotFound('version')
  return new ServiceError('conflict', { detail: 'This version has ended already: its rotation was cancelled.' })
}
