import type { Hono } from 'hono'
import { systemPrincipal } from '../../src/access/principal.ts'
import { endTokensOfVersions } from '../../src/api-keys/end-tokens.ts'
import type { ApiKeyEnvironment } from '../../src/api-keys/format.ts'
import { insertApiKey } from '../../src/api-keys/queries.ts'
import { createSecret } from '../../src/api-keys/secret.ts'
import { insertVersion, overlapVersion } from '../../src/api-keys/version-queries.ts'
import { createApp } from '../../src/app.ts'
import { bootstrap } from '../../src/bootstrap.ts'
import { createServices } from '../../src/compose.ts'
import { loadConfig } from '../../src/config/settings.ts'
import { createKeyEncryption } from '../../src/crypto/envelope.ts'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { newId } from '../../src/crypto/random.ts'
import type { AppEnv } from '../../src/http/context.ts'
import { nodePlatform } from '../../src/node/platform.ts'
import type { Metrics } from '../../src/observability/metrics.ts'
import { insertOrganization } from '../../src/organizations/queries.ts'
import { newRuleId } from '../../src/revocation/rule-queries.ts'
import type { Services } from '../../src/services.ts'
import { type MovableClock, movableClock } from './clock.ts'
import { collectedLog } from './collected-log.ts'
import { type DatabaseKind, openTestDatabase } from './databases.ts'
import { emptiedDatabase } from './empty-database.ts'

export const issuer = 'https://auth.example'

export type KeyOptions = {
  scopes?: readonly string[]
  audiences?: readonly string[]
  roles?: readonly string[]
  environment?: ApiKeyEnvironment
  subject?: string
  tokenAlgorithm?: string
  expiresAt?: Date
  disabledAt?: Date
  revokedAt?: Date
  organizationId?: string
  serviceAccountId?: string
  allowedCidrs?: string[]
  deniedCidrs?: string[]
  /** Client id of the creator; `system` by default. */
  createdBy?: string
  /** End of the first version's overlap. */
  versionExpiresAt?: Date
  /** Rotated a moment ago: the secret is that of version 2, and version 1 works for another hour. */
  rotated?: boolean
}

export type TestService = {
  readonly app: Hono<AppEnv>
  readonly services: Services
  readonly database: Awaited<ReturnType<typeof openTestDatabase>>
  readonly clock: MovableClock
  /** Every log line so far, parsed. */
  readonly logged: Record<string, unknown>[]
  /** How often each result of an exchange was counted. */
  readonly exchanges: Map<string, number>
  readonly rootKey: string
  readonly testKey: string
  readonly organizationId: string
  /** Calls the app without a network. The path starts with a slash. */
  request(path: string, init?: RequestInit): Promise<Response>
  createOrganization(name?: string): Promise<string>
  createKey(options?: KeyOptions): Promise<{ id: string; secret: string }>
}

type TestServiceOptions = {
  /** Environment variables beside MINTAGE_ISSUER. */
  env?: Record<string, string>
  clock?: MovableClock
  /** Use the file's one database, emptied. A service that an earlier test of the file started on it no longer works. */
  emptied?: boolean
}

/**
 * The whole service on a bootstrapped database, with a clock that the test moves. Reads its revocation list in each
 * request.
 */
export async function startTestService(
  kind: DatabaseKind = 'embedded',
  options: TestServiceOptions = {},
): Promise<TestService> {
  const database = await (options.emptied ? emptiedDatabase(kind) : openTestDatabase(kind))
  const clock = options.clock ?? movableClock()
  const { config } = loadConfig({ MINTAGE_ISSUER: issuer, MINTAGE_DATABASE_DEADLINE: '60s', ...options.env })
  const exchanges = new Map<string, number>()
  const metrics: Metrics = {
    request() {},
    exchange: (result) => void exchanges.set(result, (exchanges.get(result) ?? 0) + 1),
  }
  const { log, logged } = collectedLog(clock.now)
  const services = createServices(config, database, {
    platform: nodePlatform(),
    keyEncryption: await createKeyEncryption({ kek: generateRawKek() }),
    log,
    metrics,
    now: clock.now,
    revocations: { refreshInRequest: true },
  })
  const firstStart = await bootstrap(services, { withTestKey: true })
  if (!firstStart?.rootApiKey || !firstStart.testApiKey) throw new Error('the database must be empty')
  const app = createApp(() => services)
  return {
    app,
    services,
    database,
    clock,
    logged,
    exchanges,
    rootKey: firstStart.rootApiKey,
    testKey: firstStart.testApiKey,
    organizationId: firstStart.organizationId,
    request: async (path, init) => await app.request(path, init),
    async createOrganization(name = 'acme') {
      const id = newId('org')
      await insertOrganization(services.db, { id, name, plan: 'enterprise', createdAt: clock.now() })
      return id
    },
    createKey: (key = {}) => insertTestKey(services, firstStart.organizationId, key, clock.now()),
  }
}

async function insertTestKey(services: Services, organizationId: string, options: KeyOptions, now: Date) {
  const {
    scopes = [],
    audiences = [],
    roles = [],
    environment = 'live',
    versionExpiresAt,
    rotated,
    ...instants
  } = options
  const { secret, stored } = await createSecret(services, environment)
  const id = newId('key')
  const revocationPlanned = instants.revokedAt !== undefined && instants.revokedAt > now
  const lists = { scopes: [...scopes], audiences: [...audiences], roles: [...roles] }
  await insertApiKey(
    services.db,
    {
      id,
      organizationId,
      name: 'test',
      environment,
      createdAt: now,
      createdBy: 'system',
      ...instants,
      revocationPlanned,
      ...lists,
    },
    { ...stored, expiresAt: versionExpiresAt ?? null },
  )
  if (!rotated) return { id, secret }
  const next = await createSecret(services, environment)
  const at = new Date(now.getTime() + 3_600_000)
  const ruleId = newRuleId()
  await overlapVersion(services.db, id, {
    version: 1,
    end: at,
    ended: false,
    rotationRuleId: ruleId,
    replacedReach: 'own',
  })
  const ended = { id, organizationId: instants.organizationId ?? organizationId, version: 1, at, reason: 'rotated' }
  await endTokensOfVersions(services.db, services, { ...ended, ruleId, actor: systemPrincipal }, now)
  await insertVersion(services.db, id, next.stored, now)
  return { id, secret: next.secret }
}
