import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { callOrders, createKey, exchange, liveTheJourney, revokeKey, startProtectedApp } from '../support/journey.ts'
import { credentialsIn } from '../support/printed-credentials.ts'
import { credentialsOf, eventually, freePort, run, startServiceProcess } from '../support/service-process.ts'
import { startedFolder } from '../support/started-folder.ts'

describe('the service on Node with its embedded database', () => {
  test('the commands that the first start prints lead a newcomer to the first token', async () => {
    const service = await startServiceProcess()
    const printed = service.printed()
    const curl = /curl -X POST (http:\/\/localhost:\d+\/token) -H @(\S+)/.exec(printed)
    expect(curl?.[2]).toBe('.mintage/api-key.header')
    expect(credentialsIn(printed)).toEqual([])
    const [name, value] = (await readFile(join(service.folder, '.mintage/api-key.header'), 'utf8')).trim().split(': ')
    const answer = await fetch(curl?.[1] ?? '', { method: 'POST', headers: { [name ?? '']: value ?? '' } })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      token_type: 'Bearer',
      expires_in: expect.toSatisfy((seconds) => seconds === 899 || seconds === 900),
    })
    for (const file of ['credentials.json', 'api-key.header', 'kek']) {
      expect((await stat(join(service.folder, '.mintage', file))).mode & 0o777, file).toBe(0o600)
    }
  })

  test('by feed, revoking a key soon revokes all of its tokens', async () => {
    const { folder, rootApiKey } = await startedFolder()
    const service = await startServiceProcess({ folder })
    const app = await startProtectedApp(service.issuer)
    const took = await liveTheJourney(service, app, rootApiKey, 2000)
    console.info(`refused by feed after ${Math.round(took)} ms`)
  })

  test('a second start knows the keys of the first', async () => {
    const { folder } = await startedFolder()
    const before = await credentialsOf(folder)
    const port = await freePort()
    const started = performance.now()
    const second = run('src/node/main.ts', { cwd: folder, env: { PORT: String(port) } })
    await eventually(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok, 2000)
    console.info(`ready again after ${Math.round(performance.now() - started)} ms`)
    expect(await credentialsOf(folder)).toEqual({ ...before, url: `http://localhost:${port}` })
    await exchange(`http://127.0.0.1:${port}`, { method: 'POST', headers: { 'x-api-key': before.apiKey } })
    await second.end()
  })

  test('a service killed right after it confirmed a revocation still knows it after the restart', async () => {
    const { folder, rootApiKey } = await startedFolder()
    const service = await startServiceProcess({ folder })
    const apiKey = await createKey(service.url, rootApiKey, { name: 'victim', environment: 'live' })
    const token = await exchange(service.url, { method: 'POST', headers: { 'x-api-key': apiKey.secret } })
    expect((await revokeKey(service.url, rootApiKey, apiKey.id)).status).toBe(204)
    await service.end('SIGKILL')
    const again = await startServiceProcess({ folder: service.folder, port: Number(new URL(service.url).port) })
    const introspected = await fetch(`${again.url}/introspect`, {
      method: 'POST',
      headers: { authorization: `Bearer ${rootApiKey}` },
      body: new URLSearchParams({ token }),
    })
    expect(await introspected.json()).toEqual({ active: false })
    expect(
      (await fetch(`${again.url}/token`, { method: 'POST', headers: { 'x-api-key': apiKey.secret } })).status,
    ).toBe(401)
  })

  test('a stop under load fails no request that was accepted', async () => {
    const { folder, apiKey } = await startedFolder()
    const service = await startServiceProcess({ folder })
    let answered = 0
    const failures: unknown[] = []
    let refused = false
    const client = async () => {
      while (!refused) {
        try {
          const response = await fetch(`${service.url}/token`, { method: 'POST', headers: { 'x-api-key': apiKey } })
          if (response.status === 200) answered += 1
          else failures.push(response.status)
          await response.arrayBuffer()
        } catch (error) {
          if (hasNotConnected(error)) refused = true
          else failures.push(error)
        }
      }
    }
    const load = Promise.all(Array.from({ length: 16 }, client))
    await eventually(async () => answered > 200)
    expect(await service.end()).toBe(0)
    await load
    expect(failures).toEqual([])
  })

  test('a token of the service opens a protected route in another process only with its scope', async () => {
    const { folder, apiKey } = await startedFolder()
    const service = await startServiceProcess({ folder })
    const app = await startProtectedApp(service.issuer)
    const narrow = await exchange(service.url, {
      method: 'POST',
      headers: { 'x-api-key': apiKey },
      body: new URLSearchParams({ scope: 'orders:write' }),
    })
    const refused = await callOrders(app, narrow)
    expect(refused.status).toBe(403)
    expect(refused.headers.get('www-authenticate')).toMatch(/error="insufficient_scope".*scope="orders:read"/)
  })
})

/** The server no longer listens, or closed before the kernel handed the connection over: no request was sent. */
function hasNotConnected(error: unknown): boolean {
  return (
    error instanceof Error &&
    error.cause instanceof Error &&
    'syscall' in error.cause &&
    error.cause.syscall === 'connect'
  )
}
