import { beforeAll, describe, expect, test } from 'vitest'
import { createKeyEncryption } from '../../src/crypto/envelope.ts'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { signingKeys } from '../../src/db/schema.ts'
import { selfTest } from '../../src/signing-keys/self-test.ts'
import { basic, exchange, form } from '../support/oauth-requests.ts'
import { credentialsIn } from '../support/printed-credentials.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

let service: TestService
let admin: { id: string; secret: string }
let foreign: { id: string; secret: string }

beforeAll(async () => {
  service = await startTestService()
  admin = await service.createKey({ roles: ['admin'] })
  foreign = await service.createKey({ organizationId: await service.createOrganization() })
})

const asAdmin = (method: string, body?: object): RequestInit => ({
  method,
  headers: { 'X-API-Key': admin.secret, 'Content-Type': 'application/json' },
  ...(body ? { body: JSON.stringify(body) } : {}),
})

describe('R137 an admin of one organization', () => {
  test('sees and changes nothing of another one', async () => {
    expect(await (await service.request('/v1/api-keys', asAdmin('GET'))).text()).not.toContain(foreign.id)
    expect((await service.request(`/v1/api-keys/${foreign.id}`, asAdmin('GET'))).status).toBe(404)
    expect(
      (await service.request(`/v1/api-keys/${foreign.id}/revoke`, asAdmin('POST', { reason: 'other' }))).status,
    ).toBe(404)
    expect((await exchange(service, foreign.secret)).access_token).toBeTruthy()
  })

  test.each(['id', 'hash', 'createdBy', 'revokedAt', 'isAdmin'])(
    'cannot set a member that is not offered: %s',
    async (member) => {
      const response = await service.request('/v1/api-keys', asAdmin('POST', { name: 'x', [member]: 'x' }))
      expect(response.status).toBe(400)
    },
  )
})

describe('R134 the private signing keys', () => {
  test('are stored sealed, each bound to its own place', async () => {
    const rows = await service.services.db.select().from(signingKeys)
    expect(rows.length).toBeGreaterThanOrEqual(4)
    for (const { sealedPrivateKey } of rows) expect(sealedPrivateKey).not.toMatch(/"d"|"kty"/)
    expect(new Set(rows.map(({ sealedPrivateKey }) => sealedPrivateKey)).size).toBe(rows.length)
  })

  test('do not open with another KEK: the service refuses to start and creates no new key', async () => {
    const { services } = service
    const before = await services.db.$count(signingKeys)
    const other = await createKeyEncryption({ kek: generateRawKek() })
    await expect(selfTest({ ...services, keyEncryption: other })).rejects.toThrow('MINTAGE_KEK')
    expect(await services.db.$count(signingKeys)).toBe(before)
  })
})

test('R138 nothing that the service logs contains a key or a token, whatever was sent', async () => {
  const { access_token: token } = await exchange(service, admin.secret)
  const carriers = [admin.secret, token]
  for (const carrier of carriers) {
    for (const path of [
      '/token',
      '/introspect',
      '/revoke',
      '/v1/me',
      '/nowhere',
      `/${carrier}`,
      `/token?a=${carrier}`,
    ]) {
      await service.request(
        path,
        form(
          { token: carrier, scope: carrier, audience: carrier, resource: carrier },
          { Authorization: basic(carrier, 'x') },
        ),
      )
      await service.request(path, {
        method: 'POST',
        headers: { 'User-Agent': carrier, 'X-API-Key': `${carrier}x`, 'X-Forwarded-For': carrier },
      })
    }
  }
  expect(service.logged.length).toBeGreaterThan(20)
  expect(credentialsIn(JSON.stringify(service.logged))).toEqual([])
})
