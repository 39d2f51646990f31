import { Agent, request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { createDeployment } from '../support/deployment.ts'
import { eventually, freePort, type ServiceProcess, startServiceProcess } from '../support/service-process.ts'
import { startedFolder } from '../support/started-folder.ts'

type Answer = { readonly status: number; readonly connection: string | undefined; readonly body: string }

/** One request on a connection of its own, unless an agent keeps them. */
function ask(url: string, options: { method?: string; apiKey?: string; agent?: Agent } = {}): Promise<Answer> {
  const { method = 'GET', apiKey, agent = new Agent({ keepAlive: false }) } = options
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent, headers: apiKey ? { 'X-API-Key': apiKey } : {} }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        body += text
      })
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, connection: response.headers.connection, body }),
      )
    })
    sent.on('error', reject)
    sent.end()
  })
}

const isReady = async ({ url }: ServiceProcess) => (await ask(`${url}/readyz`)).status === 200

/** Starts the embedded service with a drain that no test waits for. */
async function startToDrain() {
  const { folder, apiKey } = await startedFolder()
  const service = await startServiceProcess({ folder, env: { MINTAGE_DRAIN_TIME: '10m' } })
  return { service, apiKey }
}

describe('the service on SIGTERM', () => {
  test('is not ready at once, says why, and answers new connections until the drain time is over', async () => {
    const { service, apiKey } = await startToDrain()
    const agent = new Agent({ keepAlive: true })
    expect(await ask(`${service.url}/healthz`, { agent })).toMatchObject({ status: 200, connection: 'keep-alive' })
    service.process.kill('SIGTERM')
    await eventually(async () => !(await isReady(service)))

    const { body } = await ask(`${service.url}/readyz`)
    expect(JSON.parse(body).checks.process).toEqual({ state: 'failed', reason: 'this instance is stopping' })
    for (let count = 0; count < 20; count++)
      expect((await ask(`${service.url}/token`, { method: 'POST', apiKey })).status).toBe(200)
    expect(await ask(`${service.url}/token`, { method: 'POST', apiKey, agent })).toMatchObject({
      status: 200,
      connection: 'close',
    })
    expect(service.process.exitCode).toBe(null)
    agent.destroy()
  })

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'a %s during the drain ends the wait, and the exit code is 0',
    async (signal) => {
      const { service } = await startToDrain()
      service.process.kill('SIGTERM')
      await eventually(async () => !(await isReady(service)))
      expect(await service.end(signal)).toBe(0)
      await expect(ask(`${service.url}/healthz`)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    },
  )

  test('SIGINT alone stops without a drain', async () => {
    const { service } = await startToDrain()
    expect(await service.end('SIGINT')).toBe(0)
  })

  test('a rolling restart behind a balancer that asks for readiness loses no request', async () => {
    const deployment = await createDeployment({ MINTAGE_DRAIN_TIME: '10m' })
    const [leaving, staying] = [await deployment.start(), await deployment.start(await freePort())]
    const rotation = new Set([leaving, staying])
    const statuses = new Map<number | string, number>()
    let turn = 0
    const send = async () => {
      const instances = [...rotation]
      const instance = instances[turn++ % instances.length]
      const outcome = await ask(`${instance?.url}/token`, { method: 'POST', apiKey: deployment.rootKey }).then(
        ({ status }) => status,
        (error: unknown) => String(error),
      )
      statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1)
    }
    for (let count = 0; count < 20; count++) await send()
    leaving.process.kill('SIGTERM')
    // The balancer asks after every few requests, so some reach the instance that is leaving.
    while (rotation.has(leaving)) {
      await Promise.all([send(), send(), send(), send()])
      if (!(await isReady(leaving))) rotation.delete(leaving)
    }
    for (let count = 0; count < 20; count++) await send()
    expect(await leaving.end()).toBe(0)
    expect([...statuses.keys()]).toEqual([200])
  })
})
