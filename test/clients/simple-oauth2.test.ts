import { ClientCredentials } from 'simple-oauth2'
import { beforeAll, expect, test } from 'vitest'
import { serveAtIssuer } from '../support/listening-service.ts'
import { isLive } from '../support/oauth-requests.ts'
import type { TestService } from '../support/test-service.ts'

let service: TestService
let tokenHost: string

beforeAll(async () => {
  const served = await serveAtIssuer()
  service = served.service
  tokenHost = served.url
})

test.each(['header', 'body'] as const)(
  'simple-oauth2 with its credentials in the %s gets a token and revokes it',
  async (authorizationMethod) => {
    const key = await service.createKey({ scopes: ['orders:read'] })
    const client = new ClientCredentials({
      client: { id: key.id, secret: key.secret },
      auth: { tokenHost, tokenPath: '/token', revokePath: '/revoke' },
      options: { authorizationMethod },
    })
    const issued = await client.getToken({ scope: 'orders:read' })
    const token = String(issued.token.access_token)
    expect(await isLive(service, token)).toBe(true)
    await issued.revoke('access_token')
    expect(await isLive(service, token)).toBe(false)
  },
)
