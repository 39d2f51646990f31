import { type Principal, systemPrincipal } from '../../src/access/principal.ts'
import { type Config, loadConfig } from '../../src/config/settings.ts'
import { createKeyEncryption } from '../../src/crypto/envelope.ts'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import type { Database } from '../../src/db/database.ts'
import { claimBootstrap } from '../../src/db/service-state.ts'
import { nodePlatform } from '../../src/node/platform.ts'
import { createServiceRevocationList } from '../../src/revocation/service-list.ts'
import type { Services } from '../../src/services.ts'
import { createSigningKeys } from '../../src/signing-keys/create.ts'
import { createKeyring, createKeyringCache } from '../../src/signing-keys/keyring.ts'
import { type MovableClock, movableClock } from '../support/clock.ts'
import { collectedLog } from '../support/collected-log.ts'
import { type DatabaseKind, openTestDatabase } from '../support/databases.ts'
import { emptiedDatabase } from '../support/empty-database.ts'

export const root: Principal = { ...systemPrincipal, clientId: 'key_root', organizationId: 'org_root' }
export const admin: Principal = { ...root, clientId: 'key_admin', roles: new Set(['admin']) }

/** Publish lead and rotation interval under the default configuration. */
export const leadSeconds = 1 + 300 + 600 + 30
export const rotateEverySeconds = 30 * 86_400

export type RingService = Awaited<ReturnType<typeof startRing>>

/**
 * The services that the key ring needs, on a bootstrapped database: the test file's, emptied, or one for this test
 * alone.
 */
export async function startRing(kind: DatabaseKind, { ownDatabase = false } = {}) {
  const database = await (ownDatabase ? openTestDatabase(kind) : emptiedDatabase(kind))
  const clock = movableClock()
  const kek = generateRawKek()
  const services = await ringServices(database, clock, kek)
  await database.db.transaction(async (tx) => {
    await claimBootstrap(tx, { largestTokenTtlSeconds: services.config.maxTokenTtlSeconds, now: clock.now() })
    await createSigningKeys(tx, services, clock.now(), 'system')
  })
  return { ...services, database, clock, kek }
}

/** One instance over the database. To the ring, several of them are several processes. */
export async function ringServices(
  database: Database,
  clock: MovableClock,
  kek: string,
  previousKeks: readonly string[] = [],
) {
  const config: Config = loadConfig({ MINTAGE_ISSUER: 'https://auth.example' }).config
  const { log, logged } = collectedLog(clock.now)
  const counted = { signersMade: 0 }
  const held: { until: Promise<void> | undefined } = { until: undefined }
  const node = nodePlatform()
  const platform: typeof node = {
    ...node,
    async createSigner(algorithm, privateJwk) {
      counted.signersMade++
      await held.until
      return await node.createSigner(algorithm, privateJwk)
    },
  }
  const keyEncryption = await createKeyEncryption({ kek, previousKeks })
  const cache = createKeyringCache()
  const transaction: Services['transaction'] = (work) => database.db.transaction(work)
  const base = { db: database.db, transaction, now: clock.now, config, keyEncryption, platform, log }
  const revocations = createServiceRevocationList({ db: database.db, database, now: clock.now, refreshInRequest: true })
  return { ...base, keyring: createKeyring({ ...base, cache }), revocations, cache, logged, counted, held }
}
