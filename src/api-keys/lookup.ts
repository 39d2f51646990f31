import { eq, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { apiKeys, apiKeyVersions } from '../db/schema.ts'
import { refuseReplica } from '../db/server-role.ts'
import type { Platform } from '../platform.ts'
import type { CustomClaims } from './custom-claims.ts'
import { cacheImportedAlgorithms, type ImportedAlgorithmsCache } from './foreign-secret.ts'
import type { ApiKeyEnvironment } from './format.ts'
import { apiKeyRecord, type HashAlgorithm, selectImportedAlgorithms } from './queries.ts'

/** One version of an API key with everything that decides about its use, as the database has it right now. */
export type ApiKeyRecord = {
  readonly id: string
  readonly version: number
  /** End of the version's overlap; null = as long as the key. */
  readonly versionExpiresAt: Date | null
  readonly versionEnded: boolean
  readonly organizationId: string
  readonly organizationSuspendedAt: Date | null
  readonly serviceAccountId: string | null
  readonly serviceAccountDisabledAt: Date | null
  readonly environment: ApiKeyEnvironment
  readonly scopes: readonly string[]
  readonly audiences: readonly string[]
  /** Effective roles: only those that the key's service account holds too. */
  readonly roles: readonly string[]
  readonly subject: string | null
  /** Name of the JWS algorithm of its tokens; null = the service's default. */
  readonly tokenAlgorithm: string | null
  readonly customClaims: CustomClaims | null
  readonly allowedCidrs: readonly string[]
  readonly deniedCidrs: readonly string[]
  readonly expiresAt: Date | null
  readonly ended: boolean
  readonly disabledAt: Date | null
  readonly revokedAt: Date | null
  readonly revocationPlanned: boolean
  /**
   * Generation of the key ring, read in the same statement: a signer of another generation must reload before it signs.
   */
  readonly ringGeneration: number
  /** The last change of the revocation rules, read in the same statement: tokens must not be issued without it. */
  readonly revocationMark: number | null
}

/** Finds keys by the hash of their secret, base64url. Undefined = unknown secret. Does not check the key's status. */
export type ApiKeyLookup = {
  /**
   * By the SHA-256 of a secret in our own format. With `imported`, only an imported key hashed by that algorithm: a
   * secret in another format, such as one with a prefix that is no longer accepted, never opens a key that was created
   * here.
   */
  byHash(hash: string, imported?: HashAlgorithm): Promise<ApiKeyRecord | undefined>
  /** The hash algorithms of imported keys, a few seconds old at most; empty where nothing was imported. */
  importedAlgorithms(now: Date): Promise<readonly HashAlgorithm[]>
  /** Call after an import: clears the cached "no imported keys" answer. */
  forgetImportedAlgorithms(): void
}

type FoundRecord = ApiKeyRecord & { readonly hash: string; hashAlgorithm: HashAlgorithm; imported: boolean }

type Batch = {
  readonly hashes: string[]
  readonly records: Promise<ReadonlyMap<string, FoundRecord>>
  /** Its event-loop turn has ended, and it waits for the previous select. */
  waits: boolean
  send(): void
}

/** How long lookups may wait for the previous select: one that hangs delays them by no more than this. */
const longestWaitMilliseconds = 5

/**
 * All lookups of one event-loop turn share ONE prepared select. While it runs, the lookups of later turns gather for
 * the next one. A select is sent after its last lookup was made, so an answer is never older than its question: as fast
 * as a cache, and never stale. A standby is refused. Nothing waits when no select is running. If a select fails, all of
 * its lookups fail.
 */
export function createApiKeyLookup(options: {
  db: Db
  platform: Pick<Platform, 'endOfTurn'>
  maxBatch?: number
  importedAlgorithmsCache?: ImportedAlgorithmsCache
}): ApiKeyLookup {
  const { db, platform, maxBatch = 256 } = options
  const imported = cacheImportedAlgorithms(() => selectImportedAlgorithms(db), options.importedAlgorithmsCache)
  let select: ReturnType<typeof prepareSelect> | undefined
  let batch: Batch | undefined
  let running = 0

  async function findAll(hashes: readonly string[]) {
    running += 1
    try {
      select ??= prepareSelect(db)
      const rows = await select.execute({ hashes })
      refuseReplica(rows[0]?.replica)
      return byHash(rows.map(({ replica: _, ...row }) => row))
    } finally {
      running -= 1
      if (batch?.waits && running === 0) batch.send()
    }
  }

  function openBatch(): Batch {
    const hashes: string[] = []
    const { promise: records, resolve } = Promise.withResolvers<ReadonlyMap<string, FoundRecord>>()
    let deadline: ReturnType<typeof setTimeout> | undefined
    const opened: Batch = {
      hashes,
      records,
      waits: false,
      send() {
        clearTimeout(deadline)
        if (batch === opened) batch = undefined
        resolve(findAll(hashes))
      },
    }
    platform.endOfTurn(() => {
      if (batch !== opened) return
      if (running === 0) return opened.send()
      opened.waits = true
      deadline = setTimeout(opened.send, longestWaitMilliseconds)
    })
    return opened
  }

  return {
    async byHash(hash, importedBy) {
      batch ??= openBatch()
      const asked = batch
      asked.hashes.push(hash)
      if (asked.hashes.length >= maxBatch) asked.send()
      const found = (await asked.records).get(hash)
      return found?.hashAlgorithm === (importedBy ?? 'sha256') && (found.imported || !importedBy) ? found : undefined
    },
    importedAlgorithms: imported.algorithms,
    forgetImportedAlgorithms: imported.forget,
  }
}

/**
 * One row for each key found, or one row of nulls if none is found. So an unknown secret takes as long as a known one
 * that is refused; a few per cent depend on the columns' content (test/security/key-enumeration.test.ts).
 */
function prepareSelect(db: Db) {
  const { hash, hashAlgorithm, imported } = apiKeyVersions
  return db
    .select({ hash, hashAlgorithm, imported, replica: sql<boolean>`pg_is_in_recovery()`, ...apiKeyRecord })
    .from(sql`(values (true)) as asked (once)`)
    .leftJoin(apiKeyVersions, sql`${apiKeyVersions.hash} = any(${sql.placeholder('hashes')}::text[])`)
    .leftJoin(apiKeys, eq(apiKeys.id, apiKeyVersions.apiKeyId))
    .prepare('mintage_api_keys_by_hash')
}

type Row = Omit<Awaited<ReturnType<ReturnType<typeof prepareSelect>['execute']>>[number], 'replica'>

function byHash(rows: readonly Row[]): ReadonlyMap<string, FoundRecord> {
  return new Map(rows.filter((row): row is Row & FoundRecord => row.id !== null).map((row) => [row.hash, row]))
}
