import { expect } from 'vitest'
import { eventually, freePort, type Program, run } from './service-process.ts'

type ProtectedApp = { readonly url: string; readonly program: Program }

/** Starts the downstream application in a separate process and waits until it answers. */
export async function startProtectedApp(issuer: string, env: Record<string, string> = {}): Promise<ProtectedApp> {
  const port = await freePort()
  const program = run('test/support/protected-app.ts', {
    env: { ISSUER: issuer, AUDIENCE: `${issuer}/api`, PORT: String(port), ...env },
  })
  const url = `http://127.0.0.1:${port}`
  await eventually(async () => (await fetch(`${url}/open`)).ok)
  return { url, program }
}

export async function callOrders(app: { url: string }, token: string): Promise<Response> {
  return await fetch(`${app.url}/orders/7`, { headers: { authorization: `Bearer ${token}` } })
}

/** Exchanges the API key in each way that `/token` accepts. Returns the access tokens. */
async function exchangeInAllForms(service: string, apiKey: { id: string; secret: string }): Promise<string[]> {
  const form = (fields: Record<string, string>) => ({ method: 'POST', body: new URLSearchParams(fields) })
  const requests: RequestInit[] = [
    {
      ...form({ grant_type: 'client_credentials' }),
      headers: { authorization: `Basic ${btoa(`${apiKey.id}:${apiKey.secret}`)}` },
    },
    form({ grant_type: 'client_credentials', client_id: apiKey.id, client_secret: apiKey.secret }),
    form({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: apiKey.secret,
      subject_token_type: 'urn:mintage:params:oauth:token-type:api-key',
    }),
    { method: 'POST', headers: { authorization: `Bearer ${apiKey.secret}` } },
    { method: 'POST', headers: { 'x-api-key': apiKey.secret } },
  ]
  return await Promise.all(requests.map((request) => exchange(service, request)))
}

export async function exchange(service: string, request: RequestInit): Promise<string> {
  const response = await fetch(`${service}/token`, request)
  expect(response.status, await response.clone().text()).toBe(200)
  const { access_token: token } = await response.json()
  return token
}

/** Creates an API key through the admin API. */
export async function createKey(
  service: string,
  rootKey: string,
  body: object,
): Promise<{ id: string; secret: string }> {
  const response = await fetch(`${service}/v1/api-keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${rootKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(response.status, await response.clone().text()).toBe(201)
  const { apiKey, secret } = await response.json()
  return { id: apiKey.id, secret }
}

export async function revokeKey(service: string, rootKey: string, id: string): Promise<Response> {
  return await fetch(`${service}/v1/api-keys/${id}/revoke`, {
    method: 'POST',
    headers: { authorization: `Bearer ${rootKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ reason: 'leaked' }),
  })
}

/**
 * Creates a key, exchanges it in every form, opens a protected route in another process with each token, revokes the
 * key, and waits until that process refuses all of its tokens. Returns the milliseconds between the answer to the
 * revocation and the first refusal.
 */
export async function liveTheJourney(
  service: { url: string },
  app: { url: string },
  rootKey: string,
  promisedMilliseconds: number,
) {
  const apiKey = await createKey(service.url, rootKey, {
    name: 'journey',
    environment: 'test',
    scopes: ['orders:read'],
  })
  const tokens = await exchangeInAllForms(service.url, apiKey)
  for (const token of tokens) {
    const answer = await callOrders(app, token)
    expect(answer.status, await answer.clone().text()).toBe(200)
    expect(await answer.json()).toEqual({ by: apiKey.id })
  }
  const revoked = await revokeKey(service.url, rootKey, apiKey.id)
  expect(revoked.status).toBe(204)
  const [first, ...others] = tokens
  const took = await eventually(async () => (await callOrders(app, first ?? '')).status === 401, promisedMilliseconds)
  for (const token of others) expect((await callOrders(app, token)).status).toBe(401)
  const again = await fetch(`${service.url}/token`, { method: 'POST', headers: { 'x-api-key': apiKey.secret } })
  expect(again.status).toBe(401)
  return took
}
