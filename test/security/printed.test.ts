import { expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { createLog } from '../../src/observability/log.ts'
import { credentialsIn, keepForInspection } from '../support/printed-credentials.ts'
import { startTestService } from '../support/test-service.ts'

test('the search through everything printed would find a planted key and a planted token', async () => {
  const service = await startTestService()
  const exchanged = await service.request('/token', { method: 'POST', headers: { 'x-api-key': service.testKey } })
  const { access_token: token } = await exchanged.json()
  expect(credentialsIn(`{"key":"${service.testKey}"}\nBearer ${token}`)).toEqual([service.testKey, token])
})

test('R138 a key in the URL, the agent, a header, a form or a body that is not a form never reaches the log', async () => {
  const { request, testKey, logged } = await startTestService()
  const exchanged = await request('/token', { method: 'POST', headers: { 'x-api-key': testKey } })
  const { access_token: token } = await exchanged.json()
  for (const secret of [testKey, token, generateApiKey('live')]) {
    await request(`/token?api_key=${secret}`, { method: 'POST' })
    await request(`/${secret}`)
    await request(`/v1/api-keys/${secret}`, { headers: { authorization: `Bearer ${secret}`, 'user-agent': secret } })
    await request('/token', {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`x:${secret}`)}`, 'user-agent': `curl ${secret}` },
    })
    await request('/token', {
      method: 'POST',
      body: new URLSearchParams({ grant_type: secret, scope: secret, client_secret: secret }),
    })
    await request('/token', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key: secret }),
    })
    await request('/introspect', {
      method: 'POST',
      headers: { 'x-api-key': secret },
      body: new URLSearchParams({ token: secret }),
    })
    await request('/revocations', {
      headers: { 'if-none-match': secret, referer: `https://x/?k=${secret}`, cookie: secret },
    })
  }
  const text = JSON.stringify(logged)
  expect(text.length).toBeGreaterThan(1000)
  expect(credentialsIn(text)).toEqual([])
})

test('the message of an error and everything attached to it is searched too', () => {
  const key = generateApiKey('live')
  const lines: string[] = []
  const log = createLog({ threshold: 'info', now: () => new Date(0), write: (line) => void lines.push(line) })
  log('error', 'request_failed', {
    error: Object.assign(new Error(`bad ${key}`), { code: key, cause: new Error(key) }),
  })
  for (const line of lines) keepForInspection(line)
  expect(credentialsIn(lines.join('\n'))).toEqual([])
})
