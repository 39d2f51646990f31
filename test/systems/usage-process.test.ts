import { describe, expect, test } from 'vitest'
import { openEmbedded } from '../../src/db/pglite.ts'
import { apiKeyUsage } from '../../src/db/schema.ts'
import { embeddedFolder, migratedFolder } from '../support/embedded-folder.ts'
import { credentialsOf, type ServiceProcess, startServiceProcess } from '../support/service-process.ts'

async function exchangesShown(service: ServiceProcess): Promise<number> {
  const { rootApiKey, apiKey } = await credentialsOf(service.folder)
  const me = await (await fetch(`${service.url}/v1/me`, { headers: { 'X-API-Key': apiKey } })).json()
  const shown = await (
    await fetch(`${service.url}/v1/api-keys/${me.id}`, { headers: { 'X-API-Key': rootApiKey } })
  ).json()
  return shown.usage[0]?.exchanges ?? 0
}

/** The rows that a process left in the database. */
async function exchangesStored({ folder }: ServiceProcess): Promise<number> {
  const database = await openEmbedded({ folder: embeddedFolder(folder) })
  const rows = await database.db.select().from(apiKeyUsage)
  await database.close()
  return rows.reduce((sum, { exchanges }) => sum + exchanges, 0)
}

async function exchangeTimes(service: ServiceProcess, times: number): Promise<void> {
  const { apiKey } = await credentialsOf(service.folder)
  for (let count = 0; count < times; count += 1) {
    const response = await fetch(`${service.url}/token`, { method: 'POST', headers: { 'X-API-Key': apiKey } })
    expect(response.status).toBe(200)
    await response.body?.cancel()
  }
}

describe('the usage of a service process', () => {
  test('is written on stop and every few seconds, and a kill -9 loses only the rest', async () => {
    const first = await startServiceProcess({ folder: await migratedFolder() })
    await exchangeTimes(first, 3)
    expect(await first.end('SIGTERM')).toBe(0)

    const second = await startServiceProcess({ folder: first.folder })
    expect(await exchangesShown(second)).toBe(3)
    await exchangeTimes(second, 4)
    await expect.poll(() => exchangesShown(second), { timeout: 60_000, interval: 200 }).toBe(7)
    await exchangeTimes(second, 2)
    await second.end('SIGKILL')

    const exchanges = await exchangesStored(second)
    expect(exchanges).toBeGreaterThanOrEqual(7)
    expect(exchanges).toBeLessThanOrEqual(9)
  })
})
