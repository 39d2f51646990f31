import { createApiKey } from '../../src/api-keys/create.ts'
import { rotateApiKey, rotateOwnApiKey } from '../../src/api-keys/rotate.ts'
import { listApiKeyVersions } from '../../src/api-keys/versions.ts'
import type { DatabaseKind } from './databases.ts'
import { exchange, tryExchange } from './oauth-requests.ts'
import { principal } from './principal.ts'
import { outcome } from './test-issuer.ts'
import { startTestService } from './test-service.ts'

export const revoked = 'invalid_token revoked'

/** A service with an administrator of an organization, whose keys have just been rotated. */
export async function startWithRotatedKeys(kind: DatabaseKind) {
  const service = await startTestService(kind)
  const { services, clock } = service
  const organizationId = await service.createOrganization('own')
  const admin = principal(organizationId, ['admin'], { scopes: ['orders:*'] })
  const input = { name: 'orders', environment: 'live', scopes: ['orders:read'] } as const
  const tokenOf = async (secret: string) => (await exchange(service, secret)).access_token

  /** A key with two secrets that work until the overlap ends, and a token from before the rotation. */
  async function rotated(overlapSeconds = 3600, change = {}) {
    const { apiKey, secret: first } = await createApiKey(services, admin, input)
    const early = await tokenOf(first)
    const { secret: second } = await rotateApiKey(services, admin, apiKey.id, { overlapSeconds, change })
    return { id: apiKey.id, first, second, early }
  }

  /** The same, rotated by the key itself. */
  async function rotatedItself() {
    const { apiKey, secret: first } = await createApiKey(services, admin, input)
    const itself = principal(organizationId, [], { clientId: apiKey.id, apiKeyVersion: 1 })
    const { secret: second } = await rotateOwnApiKey(services, itself, { overlapSeconds: 3600 })
    return { id: apiKey.id, first, second }
  }

  return {
    service,
    services,
    clock,
    organizationId,
    admin,
    input,
    rotated,
    rotatedItself,
    tokenOf,
    status: async (secret: string) => (await tryExchange(service, secret)).status,
    verdict: (token: string) => outcome((text) => services.verifier.verify(text), token),
    inSeconds: (seconds: number) => new Date(clock.now().getTime() + seconds * 1000),
    async statesOf(id: string) {
      const { items } = await listApiKeyVersions(services, admin, id, { limit: 50 })
      return items.map(({ version, state, endsAt }) => [version, state, endsAt])
    },
  }
}
