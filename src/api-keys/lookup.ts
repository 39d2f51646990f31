import { eq, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { apiKeys, apiKeyVersions } from '../db/schema.ts'
import type { Platform } from '../platform.ts'
import type { CustomClaims } from './custom-claims.ts'
import { type ImportedAlgorithmsCache, rememberImportedAlgorithms } from './foreign-secret.ts'
import type { ApiKeyEnvironment } from './format.ts'
import { apiKeyRecord, type HashAlgorithm, selectImportedAlgorithms } from './queries.ts'

/** One version of an API key with what decides about it, as the database has it at this moment. */
export type ApiKeyRecord = {
  readonly id: string
  readonly version: number
  /** End of the version's overlap; null = as long as the key. */
  readonly versionExpiresAt: Date | null
  readonly organizationId: string
  readonly organizationSuspendedAt: Date | null
  readonly serviceAccountId: string | null
  readonly serviceAccountDisabledAt: Date | null
  readonly environment: ApiKeyEnvironment
  readonly scopes: readonly string[]
  readonly audiences: readonly string[]
  /** Those that count: no more than the key's service account holds. */
  readonly roles: readonly string[]
  readonly subject: string | null
  /** Name of the JWS algorithm of its tokens; null = the service's default. */
  readonly tokenAlgorithm: string | null
  readonly customClaims: CustomClaims | null
  readonly allowedCidrs: readonly string[]
  readonly deniedCidrs: readonly string[]
  readonly expiresAt: Date | null
  readonly disabledAt: Date | null
  readonly revokedAt: Date | null
  /** Of the key ring, read in the same statement: a signer with another one must reload before it signs. */
  readonly ringGeneration: number
}

/** Finds keys by the hash of their secret, base64url. Undefined = no such secret. Says nothing about the key's status. */
export type ApiKeyLookup = {
  /**
   * By the SHA-256 of a secret of our form. With `imported`, only a key that was hashed elsewhere by that algorithm: a secret of any other
   * form, so one with a prefix that is accepted no more, opens no key of ours.
   */
  byHash(hash: string, imported?: HashAlgorithm): Promise<ApiKeyRecord | undefined>
  /** How the secrets of imported keys are hashed, as it was known seconds ago at the most; none where nothing was imported. */
  importedAlgorithms(now: Date): Promise<readonly HashAlgorithm[]>
  /** To be called after an import: what was remembered of there being none is no longer so. */
  forgetImportedAlgorithms(): void
}

type FoundRecord = ApiKeyRecord & { readonly hash: string; hashAlgorithm: HashAlgorithm; imported: boolean }

type Batch = {
  readonly hashes: string[]
  readonly records: Promise<ReadonlyMap<string, FoundRecord>>
  /** Its turn has ended, and it waits for the select before it. */
  waits: boolean
  send(): void
}

/** How long lookups may wait for the select before theirs: one that hangs holds nobody up for longer. */
const longestWaitMilliseconds = 5

/**
 * All lookups of one event-loop turn travel as ONE prepared select, and while one is under way those of the turns that pass meanwhile as
 * the next. A statement is sent after the last of its lookups asked, so an answer is never older than its question: as fast as a cache, and
 * never stale. Where nothing is under way nothing waits. A failing batch fails all of its lookups.
 */
export function createApiKeyLookup(options: {
  db: Db
  platform: Pick<Platform, 'endOfTurn'>
  maxBatch?: number
  importedAlgorithmsCache?: ImportedAlgorithmsCache
}): ApiKeyLookup {
  const { db, platform, maxBatch = 256 } = options
  const imported = rememberImportedAlgorithms(() => selectImportedAlgorithms(db), options.importedAlgorithmsCache)
  let select: ReturnType<typeof prepareSelect> | undefined
  let batch: Batch | undefined
  let underWay = 0

  async function findAll(hashes: readonly string[]) {
    underWay += 1
    try {
      select ??= prepareSelect(db)
      return byHash(await select.execute({ hashes }))
    } finally {
      underWay -= 1
      if (batch?.waits && underWay === 0) batch.send()
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
      if (underWay === 0) return opened.send()
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
 * A row for each key that there is or, where there is none, one of nulls: an unknown secret then takes as long as a known one that is no
 * good, within a few per cent that are what is in the columns (test/security/key-enumeration.test.ts).
 */
function prepareSelect(db: Db) {
  const { hash, hashAlgorithm, imported } = apiKeyVersions
  return db
    .select({ hash, hashAlgorithm, imported, ...apiKeyRecord })
    .from(sql`(values (true)) as asked (once)`)
    .leftJoin(apiKeyVersions, sql`${apiKeyVersions.hash} = any(${sql.placeholder('hashes')}::text[])`)
    .leftJoin(apiKeys, eq(apiKeys.id, apiKeyVersions.apiKeyId))
    .prepare('mintage_api_keys_by_hash')
}

type Row = Awaited<ReturnType<ReturnType<typeof prepareSelect>['execute']>>[number]

function byHash(rows: readonly Row[]): ReadonlyMap<string, FoundRecord> {
  return new Map(rows.filter((row): row is Row & FoundRecord => row.id !== null).map((row) => [row.hash, row]))
}
