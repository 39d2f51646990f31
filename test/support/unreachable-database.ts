import { onTestFinished } from 'vitest'
import type { ServicesOptions } from '../../src/compose.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { secondInstance } from './second-instance.ts'
import type { TestService } from './test-service.ts'

/** The same service with a database that never answers (port 1 of this machine), until the test ends. */
export function withDatabaseAway(
  service: TestService,
  more: Partial<ServicesOptions> = {},
): ReturnType<typeof secondInstance> {
  const database = openPostgres({
    url: 'postgres://nobody@127.0.0.1:1/nothing',
    pooler: 'none',
    deadlineMilliseconds: 1000,
  })
  onTestFinished(() => database.close())
  return secondInstance(service, database, service.services.now, more)
}
