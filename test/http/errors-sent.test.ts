import { sql } from 'drizzle-orm'
import { describe, expect, test, vi } from 'vitest'
import { createKeyEncryption } from '../../src/crypto/envelope.ts'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { outcomeUnknown } from '../../src/db/deadline.ts'
import { idempotencyKeys } from '../../src/db/schema.ts'
import { type CatalogueEntry, errorCatalogue, type ServiceErrorCode } from '../../src/error-catalogue.ts'
import { ServiceError } from '../../src/errors.ts'
import { adminClient } from '../support/admin-client.ts'
import { wrapTransactions } from '../support/intercepted-database.ts'
import { form } from '../support/oauth-requests.ts'
import { secondInstance } from '../support/second-instance.ts'
import { startTestService } from '../support/test-service.ts'
import { withDatabaseAway } from '../support/unreachable-database.ts'

// docs/errors.md promises each code: here a request receives it.

const service = await startTestService()
const { services, rootKey } = service
const call = adminClient(service, rootKey)
const asRoot = { Authorization: `Bearer ${rootKey}` }
const { secret } = await service.createKey({ scopes: ['a'] })
const asClient = { Authorization: `Bearer ${secret}` }

const post = async (path: string, body: unknown, headers: Record<string, string> = {}, at = service.request) =>
  await at(path, {
    method: 'POST',
    headers: { ...asRoot, 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
const created = async (path: string, body: object) => String((await call('POST', path, body)).body.id)
const token = async (parameters: Record<string, string> = {}, headers: Record<string, string> = asClient) =>
  await service.request('/token', form(parameters, headers))
const key = (more: object = {}) => ({ name: 'x', environment: 'live', ...more })

/** An instance on the same database, whose committed changes it never hears of. */
function deafInstance() {
  const deaf = wrapTransactions(service.database, async (transaction) => {
    await transaction()
    throw outcomeUnknown('the connection was lost', undefined)
  })
  return secondInstance(service, deaf)
}

/** A KEK that does not respond to new keys, as a KMS that is away. */
const kekAway = {
  ...services.keyEncryption,
  seal: () => Promise.reject(new ServiceError('kek_unavailable', { reason: 'KMS does not answer' })),
}

const requests: Readonly<Record<ServiceErrorCode, () => Promise<Response>>> = {
  invalid_request: () => post('/v1/api-keys', {}),
  misplaced_credential: () => service.request(`/v1/api-keys/${secret}`, { headers: asRoot }),
  invalid_scope: () => token({ scope: 'b' }),
  invalid_target: () => token({ audience: 'https://elsewhere.example' }),
  unsupported_grant_type: () => token({ grant_type: 'password' }),
  unauthorized_client: () => service.request('/authorize?response_type=code'),
  api_key_rejected: () => service.request('/v1/me', { headers: { Authorization: 'Bearer wrong' } }),
  subject_token_rejected: () => {
    const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange'
    const subject_token_type = 'urn:mintage:params:oauth:token-type:api-key'
    return token({ grant_type, subject_token_type, subject_token: 'wrong' }, {})
  },
  unauthenticated: () => service.request('/v1/me'),
  permission_denied: () => service.request('/v1/plans', { headers: asClient }),
  not_found: () => service.request('/v1/api-keys/key_0', { headers: asRoot }),
  method_not_allowed: () => service.request('/v1/me', { method: 'PUT', headers: asRoot }),
  conflict: () =>
    post('/v1/plans', {
      name: 'free',
      requestsPerMinute: 1,
      requestsPerMonth: 1,
      apiKeys: 1,
      defaultOverlapSeconds: 60,
      maxOverlapSeconds: 60,
    }),
  precondition_failed: async () => {
    const id = await created('/v1/organizations', { name: 'tagged' })
    return await post(`/v1/organizations/${id}/resume`, {}, { 'If-Match': '"77"' })
  },
  plan_limit_reached: async () => {
    const organizationId = await created('/v1/organizations', { name: 'small', plan: 'free' })
    let answer: Response
    do answer = await post('/v1/api-keys', key({ organizationId }))
    while (answer.status === 201)
    return answer
  },
  lifetime_not_allowed: async () => {
    const organizationId = await created('/v1/organizations', { name: 'strict', plan: 'pro' })
    await post(`/v1/organizations/${organizationId}/change-policy`, { maxKeyLifetimeSeconds: 3600 })
    return await post('/v1/api-keys', key({ organizationId }))
  },
  too_early: () => post('/v1/signing-keys/rotate', {}),
  idempotency_key_reused: async () => {
    await post('/v1/api-keys', key(), { 'Idempotency-Key': 'reused' })
    return await post('/v1/api-keys', key({ name: 'y' }), { 'Idempotency-Key': 'reused' })
  },
  idempotency_key_in_use: async () => {
    await post('/v1/api-keys', key(), { 'Idempotency-Key': 'in-use' })
    await services.db.update(idempotencyKeys).set({ status: 0, body: {} })
    return await post('/v1/api-keys', key(), { 'Idempotency-Key': 'in-use' })
  },
  request_timeout: async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('scope=')) })
    const headers = { ...asClient, 'Content-Type': 'application/x-www-form-urlencoded' }
    const asked = service.request('/token', { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
    await vi.advanceTimersByTimeAsync(5000)
    vi.useRealTimers()
    return await asked
  },
  payload_too_large: () => post('/v1/api-keys', key({ description: 'x'.repeat(60_000) })),
  unsupported_media_type: () => post('/v1/api-keys', key(), { 'Content-Type': 'text/plain' }),
  database_unavailable: () => withDatabaseAway(service).request('/v1/me', { headers: asRoot }),
  outcome_unknown: () => post('/v1/api-keys', key(), {}, deafInstance().request),
  kek_unavailable: () => {
    const instance = secondInstance(service, service.database, service.clock.now, { keyEncryption: kekAway })
    return post('/v1/signing-keys/add', { algorithm: 'ES384' }, {}, instance.request)
  },
  keyring_unavailable: async () => {
    const keyEncryption = await createKeyEncryption({ kek: generateRawKek() })
    const instance = secondInstance(service, service.database, service.clock.now, { keyEncryption })
    return await instance.request('/token', form({}, asClient))
  },
  revocations_unavailable: async () => {
    const { access_token } = await (await token({}, asRoot)).json()
    const more = { revocations: { pollMilliseconds: 1000 } }
    const instance = secondInstance(service, service.database, service.clock.now, more)
    return await instance.request('/v1/me', { headers: { Authorization: `Bearer ${access_token}` } })
  },
  tokens_not_usable_yet: async () => {
    const { id, secret: own } = await service.createKey()
    await post(`/v1/api-keys/${id}/disable`, {})
    await post(`/v1/api-keys/${id}/enable`, {})
    return await token({}, { Authorization: `Bearer ${own}` })
  },
  internal: async () => {
    await services.db.execute(sql.raw('alter table plans rename to plans_away'))
    try {
      return await service.request('/v1/plans', { headers: asRoot })
    } finally {
      await services.db.execute(sql.raw('alter table plans_away rename to plans'))
    }
  },
}

describe.each(Object.entries(requests))('the code %s', (code, ask) => {
  test('is sent, with the status and the title of its section in docs/errors.md', async () => {
    const entry: CatalogueEntry = errorCatalogue[code as ServiceErrorCode]
    const response = await ask()
    const body = await response.json()
    expect(response.status, JSON.stringify(body)).toBe(entry.status)
    if ('code' in body) expect(body).toMatchObject({ code, title: entry.title })
    else expect(body).toEqual({ error: entry.oauth, error_description: expect.stringContaining(firstWords(entry)) })
    if (entry.retryAfterSeconds !== undefined) expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
  })
})

/** On the OAuth paths several codes share one `error`, and the text tells them apart. */
function firstWords({ detail }: CatalogueEntry): string {
  return detail.split(' ').slice(0, 3).join(' ')
}
