import { onTestFinished } from 'vitest'
import { createApp } from '../../src/app.ts'
import { createServices } from '../../src/compose.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import type { TestService } from './test-service.ts'

/** The same service with a database that never answers (port 1 of this machine), until the test ends. */
export function withDatabaseAway({ services }: TestService): Pick<TestService, 'request'> {
  const { config, platform, keyEncryption, log, metrics, now } = services
  const database = openPostgres({
    url: 'postgres://nobody@127.0.0.1:1/nothing',
    pooler: 'none',
    deadlineMilliseconds: 1000,
  })
  onTestFinished(() => database.close())
  const away = createServices(config, database, {
    platform,
    keyEncryption,
    log,
    metrics,
    now,
    revocations: { refreshInRequest: true },
  })
  const app = createApp(() => away)
  return { request: async (path, init) => await app.request(path, init) }
}
