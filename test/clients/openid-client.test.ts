import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  clientCredentialsGrant,
  type DiscoveryRequestOptions,
  discovery,
  genericGrantRequest,
  tokenIntrospection,
  tokenRevocation,
} from 'openid-client'
import { beforeAll, describe, expect, test } from 'vitest'
import { serveAtIssuer } from '../support/listening-service.ts'
import { apiKeyTokenType, isLive, partsOf, tokenExchangeGrant } from '../support/oauth-requests.ts'
import type { TestService } from '../support/test-service.ts'

let service: TestService
let url: string
let key: { id: string; secret: string }

beforeAll(async () => {
  const served = await serveAtIssuer()
  service = served.service
  url = served.url
  key = await service.createKey({ scopes: ['orders:read', 'orders:write'] })
})

const discover = async (authentication: ClientAuth, algorithm: NonNullable<DiscoveryRequestOptions['algorithm']>) =>
  await discovery(new URL(url), key.id, undefined, authentication, {
    algorithm,
    execute: [allowInsecureRequests],
  })

describe.each(['oauth2', 'oidc'] as const)('openid-client that discovers by %s', (algorithm) => {
  describe.each(Object.entries({ ClientSecretBasic, ClientSecretPost }))(
    'and authenticates by %s',
    (_, authenticate) => {
      const configured = async () => await discover(authenticate(key.secret), algorithm)

      test('gets a token by client credentials', async () => {
        const tokens = await clientCredentialsGrant(await configured(), { scope: 'orders:read' })
        expect(tokens).toMatchObject({ token_type: 'bearer', scope: 'orders:read' })
      })

      test('exchanges its API key as a subject token', async () => {
        const tokens = await genericGrantRequest(await configured(), tokenExchangeGrant, {
          subject_token: key.secret,
          subject_token_type: apiKeyTokenType,
        })
        expect(partsOf(tokens.access_token).claims).toMatchObject({ iss: url, client_id: key.id })
      })

      test('introspects a token and revokes it', async () => {
        const config = await configured()
        const { access_token: token } = await clientCredentialsGrant(config)
        expect(await tokenIntrospection(config, token)).toMatchObject({ active: true, client_id: key.id })
        await tokenRevocation(config, token)
        expect(await isLive(service, token)).toBe(false)
      })
    },
  )
})
