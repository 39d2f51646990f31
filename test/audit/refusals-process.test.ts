import { asc, eq } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { openEmbedded } from '../../src/db/pglite.ts'
import { auditEvents } from '../../src/db/schema.ts'
import { embeddedFolder, migratedFolder } from '../support/embedded-folder.ts'
import { credentialsOf, startServiceProcess } from '../support/service-process.ts'

test('a process that is told to stop writes the refusals that it has counted', async () => {
  const service = await startServiceProcess({ folder: await migratedFolder() })
  const { apiKey } = await credentialsOf(service.folder)
  for (let sent = 0; sent < 3; sent++) {
    const response = await fetch(`${service.url}/v1/api-keys`, { headers: { 'X-API-Key': apiKey } })
    expect(response.status).toBe(403)
    await response.body?.cancel()
  }
  expect(await service.end('SIGTERM')).toBe(0)
  const { db, close } = await openEmbedded({ folder: embeddedFolder(service.folder) })
  const refused = await db
    .select({ context: auditEvents.context })
    .from(auditEvents)
    .where(eq(auditEvents.type, 'operation.refused'))
    .orderBy(asc(auditEvents.sequence))
  await close()
  expect(refused).toMatchObject([{}, { context: { repeats: 2, addresses: ['127.0.0.1'] } }])
})
