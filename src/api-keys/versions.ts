import { authorize } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import { invalidRequest, ServiceError } from '../errors.ts'
import { refreshAfterCommit } from '../revocation/refresh-after-commit.ts'
import type { Services } from '../services.ts'
import { findApiKeyUsage } from '../usage/queries.ts'
import { endTokensOfVersions } from './end-tokens.ts'
import { lockApiKey, requireRootForRootKey } from './lock.ts'
import { findApiKey } from './queries.ts'
import { endVersions, incrementRevision, selectVersions } from './version-queries.ts'
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
  const before = page.cursor === undefined ? undefined : readVersion(page.cursor)
  const apiKey = await findApiKey(db, { id, within })
  if (!apiKey) throw new ServiceError('not_found')
  const rows = await selectVersions(db, { apiKeyId: id, before, limit: page.limit + 1 })
  const usage = new Map((await findApiKeyUsage(db, id)).map((row) => [row.version, row]))
  const facts = { newest: apiKey.version, now: now() }
  return pageOf(rows, page.limit, {
    view: (row) => apiKeyVersionView(row, { ...facts, usage: usage.get(row.version) }),
    cursor: (row) => String(row.version),
  })
}

/**
 * Ends an overlap early: this version of a key, all versions before it and their tokens stop working now. Repeating it
 * changes nothing. Throws `not_found` for a missing key or version, `conflict` for a dead key and for the newest
 * version (the key would be dead without being marked so), `permission_denied` for a root key unless the caller is root
 * or the key itself.
 */
export async function endApiKeyVersion(
  services: Pick<Services, 'config' | 'db' | 'log' | 'now' | 'revocations' | 'transaction'>,
  actor: Principal,
  id: string,
  version: number,
): Promise<ApiKeyView> {
  const within = authorize(actor, 'api_keys.rotate')
  const now = services.now()
  const changed = await services.transaction(async (tx) => {
    const { apiKey } = await lockApiKey(tx, { id, within }, now)
    requireRootForRootKey(actor, apiKey)
    if (version > apiKey.version || version < 1) throw new ServiceError('not_found')
    if (version === apiKey.version) {
      throw new ServiceError('conflict', {
        detail: 'This is the newest version. To end it, rotate the key first, or disable or revoke it.',
      })
    }
    if ((await endVersions(tx, id, version, now)).length === 0) return apiKey // it had ended already
    await incrementRevision(tx, id)
    const { organizationId } = apiKey
    await endTokensOfVersions(
      tx,
      services,
      { id, organizationId, version, at: now, reason: 'version ended', actor },
      now,
    )
    await appendAuditEvent(
      tx,
      { type: 'api_key.version_ended', actor, organizationId, subject: id, context: { version } },
      now,
    )
    return await findApiKey(tx, { id, within: 'everywhere' })
  })
  if (!changed) throw new Error('the API key whose version was ended is gone')
  await refreshAfterCommit(services)
  return apiKeyView(changed, now)
}

function readVersion(cursor: string): number {
  if (!/^\d{1,9}$/.test(cursor)) throw invalidRequest('cursor is invalid. Use the nextCursor of the previous page.')
  return Number(cursor)
}
