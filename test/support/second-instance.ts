import { createApp } from '../../src/app.ts'
import { createServices, type ServicesOptions } from '../../src/compose.ts'
import type { Database } from '../../src/db/database.ts'
import type { Services } from '../../src/services.ts'
import type { TestService } from './test-service.ts'

/** Another instance of a test service over the given database. Reads its revocation list in each request. */
export function secondInstance(
  { services }: Pick<TestService, 'services'>,
  database: Database,
  now: () => Date = services.now,
  more: Partial<ServicesOptions> = {},
): Pick<TestService, 'app' | 'request'> & { services: Services } {
  const { config, platform, keyEncryption, log, metrics } = services
  const options = {
    platform,
    keyEncryption,
    log,
    metrics,
    now,
    revocations: { refreshInRequest: true } as const,
    ...more,
  }
  const second = createServices(config, database, options)
  const app = createApp(() => second)
  return { app, services: second, request: async (path, init) => await app.request(path, init) }
}
