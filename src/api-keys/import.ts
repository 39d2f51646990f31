import { authorize, authorizeGrant, type Within } from '../access/authorize.ts'
import { type ChangeEvent, type ChangeServices, change } from '../access/change.ts'
import { countApiKeys } from '../access/fit-queries.ts'
import { type Organization, organizationLockFor } from '../access/locks.ts'
import type { Principal } from '../access/principal.ts'
import { customRolesOf } from '../access/queries.ts'
import { newId } from '../crypto/random.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { planOf } from '../organizations/queries.ts'
import { findServiceAccount } from '../service-accounts/queries.ts'
import type { Services } from '../services.ts'
import { planFull, requireIdentity, requireUsableAccount, signingKeyCheck } from './admission.ts'
import { insertApiKeys, selectKnownHashes } from './import-queries.ts'
import { type ImportedApiKey, type ImportedRow, importedSecret } from './import-row.ts'
import { requireLifetime } from './lifetime.ts'
import type { StoredSecret } from './queries.ts'
import { restrictedBy } from './restriction-reach.ts'
import { type ApiKeyDraft, draftApiKey } from './settings.ts'

export type ImportReport = { created: number; duplicates: number; invalid: number; rows: ImportedRow[] }

/** A row with the caller's number; `fault` = an error that was found while reading it. */
export type ImportInput = { readonly index: number } & ({ readonly key: ImportedApiKey } | { readonly fault: string })

type Candidate = { index: number; draft: ApiKeyDraft; secret: StoredSecret }

const shownIds = 100

/**
 * Imports keys that another system created and hashed, at most a thousand at once, into one organization. Clients keep
 * using the secrets that they have, in any format. Each row is checked like a new key, and all valid rows are stored
 * together. A hash that is known already, from an earlier run, another row or a deleted key, is a duplicate: repeating
 * an import is safe.
 *
 * Throws `permission_denied`, and `not_found` for an organization that does not exist or is out of reach. Does not
 * check how strong the secrets are: anyone who gets the unsalted hash of a short secret can guess it.
 */
export async function importApiKeys(
  services: ChangeServices & Pick<Services, 'apiKeys' | 'config' | 'keyring'>,
  actor: Principal,
  { organizationId: asked, rows }: { organizationId?: string | undefined; rows: readonly ImportInput[] },
): Promise<ImportReport> {
  authorize(actor, 'api_keys.import')
  const now = services.now()
  const { candidates, refused } = await readRows(services, rows, now)
  const store = async (tx: Db, organization: Organization, _: Date, within: Within) => {
    const { id: organizationId } = organization
    const checked = await checkRows(tx, actor, { candidates, organization, within, now })
    const keys = checked.admitted.map(({ draft, secret }) => ({
      apiKey: {
        ...draft,
        ...restrictedBy(actor, undefined, draft),
        id: newId('key'),
        organizationId,
        createdAt: now,
        createdBy: actor.clientId,
      },
      secret,
    }))
    const lost = await insertApiKeys(tx, keys)
    const landed = checked.admitted.map(({ index }, place): ImportedRow => {
      const id = keys[place]?.apiKey.id ?? ''
      return lost.has(id) ? { index, result: 'duplicate', id: null } : { index, result: 'created', id }
    })
    const report = reportOf([...refused, ...checked.rows, ...landed])
    return { view: report, event: eventOf(organizationId, report) }
  }
  const report = await change(services, actor, 'api_keys.import', organizationLockFor(asked), store, { now })
  services.apiKeys.forgetImportedAlgorithms()
  return report
}

/** The checks that need no database, apart from the key ring's. */
async function readRows(services: Pick<Services, 'config' | 'keyring'>, rows: readonly ImportInput[], now: Date) {
  const candidates: Candidate[] = []
  const refused: ImportedRow[] = []
  for (const row of rows) {
    const { index } = row
    const fault = await faultOf(async () => {
      if ('fault' in row) throw new ServiceError('invalid_request', { detail: row.fault })
      const secret = importedSecret(row.key)
      const draft = draftApiKey(row.key, now, services.config)
      const requireSigningKey = await signingKeyCheck(services, draft.tokenAlgorithm)
      requireSigningKey()
      candidates.push({ index, draft, secret })
    })
    if (fault !== undefined) refused.push({ index, result: 'invalid', why: fault })
  }
  return { candidates, refused }
}

type ImportCheck = {
  readonly candidates: readonly Candidate[]
  readonly organization: { readonly id: string; readonly maxKeyLifetimeSeconds: number | null }
  readonly within: Within
  readonly now: Date
}

/** The checks of a new key (admission.ts), with one query for all rows. */
async function checkRows(tx: Db, actor: Principal, { candidates, organization, within, now }: ImportCheck) {
  const rows: ImportedRow[] = []
  const admitted: Candidate[] = []
  const { id: organizationId } = organization
  const known = new Map(
    (
      await selectKnownHashes(
        tx,
        candidates.map(({ secret }) => secret.hash),
      )
    ).map((found) => [found.hash, found]),
  )
  const customRoles = await customRolesOf(tx, organizationId, new Set(candidates.flatMap(({ draft }) => draft.roles)))
  const accounts = await accountsOf(tx, candidates, { organizationId, within })
  const { apiKeys: limit } = await planOf(tx, organizationId)
  let room = limit - (await countApiKeys(tx, organizationId, now))
  const seen = new Set<string>()
  for (const candidate of candidates) {
    const { index, draft, secret } = candidate
    const duplicate = known.get(secret.hash)
    if (duplicate || seen.has(secret.hash)) {
      const mine = duplicate && (within === 'everywhere' || duplicate.organizationId === within.organizationId)
      rows.push({ index, result: 'duplicate', id: mine ? duplicate.id : null })
      continue
    }
    const counts = !draft.roles.includes('root')
    const why = await faultOf(async () => {
      requireLifetime(draft, organization, now)
      authorizeGrant(actor, draft, customRoles)
      requireIdentity(actor, undefined, draft)
      if (draft.serviceAccountId !== null) requireUsableAccount(accounts.get(draft.serviceAccountId), draft.roles)
      if (counts && room <= 0) throw planFull(limit)
    })
    if (why !== undefined) rows.push({ index, result: 'invalid', why })
    else {
      seen.add(secret.hash)
      admitted.push(candidate)
      if (counts) room -= 1
    }
  }
  return { rows, admitted }
}

async function accountsOf(tx: Db, candidates: readonly Candidate[], where: { organizationId: string; within: Within }) {
  const ids = new Set(candidates.flatMap(({ draft }) => draft.serviceAccountId ?? []))
  const accounts = new Map<string, Awaited<ReturnType<typeof findServiceAccount>>>()
  for (const id of ids) accounts.set(id, await findServiceAccount(tx, { id, ...where }))
  return accounts
}

/** Why the check refused the row; other errors are thrown on. */
async function faultOf(check: () => Promise<void>): Promise<string | undefined> {
  try {
    await check()
    return undefined
  } catch (error) {
    if (error instanceof ServiceError && error.status < 500) return error.detail
    throw error
  }
}

function reportOf(rows: readonly ImportedRow[]): ImportReport {
  const count = (result: ImportedRow['result']) => rows.filter((row) => row.result === result).length
  const inOrder = rows.toSorted((one, other) => one.index - other.index)
  return { created: count('created'), duplicates: count('duplicate'), invalid: count('invalid'), rows: inOrder }
}

function eventOf(organizationId: string, { rows, created, duplicates, invalid }: ImportReport): ChangeEvent {
  const ids = rows.flatMap((row) => (row.result === 'created' ? row.id : []))
  const context = { created, duplicates, invalid, apiKeyIds: ids.slice(0, shownIds) }
  return { type: 'api_keys.imported', subject: organizationId, context }
}
