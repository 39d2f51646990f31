import { beforeAll, describe, expect, test } from 'vitest'
import { type AdminCall, adminClient } from '../../support/admin-client.ts'
import { startTestService, type TestService } from '../../support/test-service.ts'

let service: TestService
let root: AdminCall
let keyId: string
beforeAll(async () => {
  service = await startTestService()
  root = adminClient(service, service.rootKey)
  keyId = (await service.createKey()).id
})

const some = { filter: { label: 'ci' } }

describe('the routes that revoke', () => {
  test('answer 204 after revoking, and 200 with what would break in a dry run', async () => {
    const { id } = await service.createKey()
    const dry = await root('POST', `/v1/api-keys/${id}/revoke`, { dryRun: true })
    expect(dry).toMatchObject({ status: 200, body: { apiKeys: 1, apiKeysUsed: 0, lastUses: [] } })
    expect((await root('GET', `/v1/api-keys/${id}`)).body).toMatchObject({ status: 'usable' })
    expect((await root('POST', `/v1/api-keys/${id}/revoke`)).status).toBe(204)
    expect((await root('GET', `/v1/api-keys/${id}`)).body).toMatchObject({
      revocationReason: 'other',
      revocationText: null,
    })
  })

  test('treat `revoke` as the route for many keys, not as a key id', async () => {
    expect(await root('POST', '/v1/api-keys/revoke', some)).toMatchObject({
      status: 200,
      body: { apiKeys: 0, dryRun: false },
    })
  })

  test.each<[string, string, unknown]>([
    ['a reason of one’s own', `/v1/api-keys/{id}/revoke`, { reason: 'because' }],
    ['a reason that is not a text', `/v1/api-keys/{id}/revoke`, { reason: ['leaked'] }],
    ['501 characters', `/v1/api-keys/{id}/revoke`, { text: 'x'.repeat(501) }],
    ['NUL in the text', `/v1/api-keys/{id}/revoke`, { text: 'a\0b' }],
    ['a time in the past', `/v1/api-keys/{id}/revoke`, { at: '2020-01-01T00:00:00Z' }],
    ['an invalid time', `/v1/api-keys/{id}/revoke`, { at: 'tomorrow' }],
    ['a time without an offset', `/v1/api-keys/{id}/revoke`, { at: '2030-01-01T00:00:00' }],
    ['a dry run in words', `/v1/api-keys/{id}/revoke`, { dryRun: 'true' }],
    ['revokedAt', `/v1/api-keys/{id}/revoke`, { revokedAt: '2030-01-01T00:00:00Z' }],
    ['an actor', `/v1/api-keys/{id}/revoke`, { actor: 'key_1' }],
    ['no filter', '/v1/api-keys/revoke', { reason: 'leaked' }],
    ['a filter that says nothing', '/v1/api-keys/revoke', { filter: {} }],
    ['a filter with a typing error', '/v1/api-keys/revoke', { filter: { label: 'ci', enviroment: 'test' } }],
    ['a filter by role', '/v1/api-keys/revoke', { filter: { roles: ['root'] } }],
    ['a filter that is an operator', '/v1/api-keys/revoke', { filter: { label: { $ne: '' } } }],
    ['NUL in the filter', '/v1/api-keys/revoke', { filter: { label: 'a\0' } }],
    ['five letters', '/v1/api-keys/revoke', { filter: { hint: 'abcde' } }],
    ['a time for an emergency', '/v1/organizations/org_1/revoke-all', { at: '2030-01-01T00:00:00Z' }],
    ['a secret instead of hashes', '/v1/api-keys/find-leaked', { secret: 'sk_1' }],
    ['an invalid hash', '/v1/api-keys/find-leaked', { sha256: 'x' }],
  ])('refuse %s', async (_, path, body) => {
    const answer = await root('POST', path.replace('{id}', keyId), body)
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect((await root('GET', `/v1/api-keys/${keyId}`)).body).toMatchObject({ status: 'usable', revokedAt: null })
  })

  test('refuse a body of one megabyte', async () => {
    expect((await root('POST', '/v1/api-keys/revoke', { ...some, text: 'x'.repeat(1_000_000) })).status).toBe(413)
  })

  test.each([
    '/v1/api-keys/revoke',
    '/v1/api-keys/key_1/revoke',
    '/v1/api-keys/find-leaked',
    '/v1/organizations/org_1/revoke-all',
  ])('%s is refused to a caller who may only read', async (path) => {
    const { secret } = await service.createKey({ roles: ['read_only'] })
    const body = path.endsWith('find-leaked') ? { sha256: 'A'.repeat(43) } : path.endsWith('keys/revoke') ? some : {}
    const expected = path.endsWith('find-leaked') ? 404 : 403 // it may still read
    expect((await adminClient(service, secret)('POST', path, body)).status).toBe(expected)
  })
})
