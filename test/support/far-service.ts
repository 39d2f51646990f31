import { openPostgres, type PostgresOptions } from '../../src/db/postgres.ts'
import { releaseAfterFile } from './cleanup.ts'
import { secondInstance } from './second-instance.ts'
import { startTcpProxy } from './tcp-proxy.ts'
import type { TestService } from './test-service.ts'

/** Another instance of a test service on PostgreSQL, whose database is behind a proxy. */
export async function startFarService(
  service: TestService,
  options: Partial<PostgresOptions> & { adminDeadlineMilliseconds?: number } = {},
) {
  const { adminDeadlineMilliseconds, ...postgresOptions } = options
  const url = new URL(service.database.url ?? '')
  const proxy = await startTcpProxy(Number(url.port))
  url.port = String(proxy.port)
  const database = openPostgres({ url: url.href, pooler: 'none', deadlineMilliseconds: 60_000, ...postgresOptions })
  releaseAfterFile(async () => {
    await database.close()
    proxy.close()
  })
  const { services } = service
  const config =
    adminDeadlineMilliseconds === undefined ? services.config : { ...services.config, adminDeadlineMilliseconds }
  return { ...secondInstance({ services: { ...services, config } }, database), proxy, database }
}
