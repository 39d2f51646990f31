import { describe, expect, test } from 'vitest'
import { credentialsOf, eventually, type ServiceProcess, startServiceProcess } from '../support/process.ts'

type Me = { id: string; exchanges: number }

async function usageOf(service: ServiceProcess): Promise<Me> {
  const { rootApiKey, apiKey } = await credentialsOf(service.folder)
  const me = await (await fetch(`${service.url}/v1/me`, { headers: { 'X-API-Key': apiKey } })).json()
  const shown = await (await fetch(`${service.url}/v1/api-keys/${me.id}`, { headers: { 'X-API-Key': rootApiKey } })).json()
  return { id: me.id, exchanges: shown.usage[0]?.exchanges ?? 0 }
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
  test('is written when it is stopped, by itself every few seconds, and a kill -9 in between loses no more than the rest', async () => {
    const first = await startServiceProcess()
    await exchangeTimes(first, 3)
    expect(await first.end('SIGTERM')).toBe(0)

    const second = await startServiceProcess({ folder: first.folder })
    expect((await usageOf(second)).exchanges).toBe(3)
    await exchangeTimes(second, 4)
    await eventually(async () => (await usageOf(second)).exchanges === 7, 15_000)
    await exchangeTimes(second, 2)
    await second.end('SIGKILL')

    const third = await startServiceProcess({ folder: first.folder })
    const { exchanges } = await usageOf(third)
    expect(exchanges).toBeGreaterThanOrEqual(7)
    expect(exchanges).toBeLessThanOrEqual(9)
  }, 60_000)
})
