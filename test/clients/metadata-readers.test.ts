import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { startTestService } from '../support/test-service.ts'

const issuer = 'https://auth.example/tenant'
let documents: Map<string, unknown>

const oauth = '/.well-known/oauth-authorization-server'
const openId = '/.well-known/openid-configuration'
/** Where clients look for the metadata of an issuer with a path. `app.mount` removes the path of the last one. */
const paths = [`${oauth}/tenant`, `${openId}/tenant`, openId]

beforeAll(async () => {
  const service = await startTestService('embedded', { env: { MINTAGE_ISSUER: issuer } })
  documents = new Map()
  for (const path of paths) {
    const response = await service.request(path)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json'])
    documents.set(path, await response.json())
  }
})

const texts = z.array(z.string())

/** What libraries demand that are not on npm, from their sources. */
const readers = {
  // mcp.shared.auth.OAuthMetadata of the Python MCP SDK: pydantic refuses a document without these, or with another
  // type.
  'the Python MCP SDK': z.object({
    issuer: z.url(),
    authorization_endpoint: z.url(),
    token_endpoint: z.url(),
    registration_endpoint: z.url().optional(),
    scopes_supported: texts.optional(),
    response_types_supported: texts.optional(),
    response_modes_supported: texts.optional(),
    grant_types_supported: texts.optional(),
    token_endpoint_auth_methods_supported: texts.optional(),
    token_endpoint_auth_signing_alg_values_supported: texts.optional(),
    service_documentation: z.url().optional(),
    ui_locales_supported: texts.optional(),
    op_policy_uri: z.url().optional(),
    op_tos_uri: z.url().optional(),
    revocation_endpoint: z.url().optional(),
    revocation_endpoint_auth_methods_supported: texts.optional(),
    revocation_endpoint_auth_signing_alg_values_supported: texts.optional(),
    introspection_endpoint: z.url().optional(),
    introspection_endpoint_auth_methods_supported: texts.optional(),
    introspection_endpoint_auth_signing_alg_values_supported: texts.optional(),
    code_challenge_methods_supported: texts.optional(),
  }),
  // oidc.NewProvider of coreos/go-oidc: the issuer exactly, and a list of algorithms, without which it accepts only
  // RS256.
  'go-oidc': z.object({
    issuer: z.literal(issuer),
    authorization_endpoint: z.string(),
    token_endpoint: z.string(),
    jwks_uri: z.url(),
    id_token_signing_alg_values_supported: texts.refine((algorithms) => algorithms.includes('ES256')),
  }),
  // OIDCProviderMetadata.parse of Nimbus, which Spring Security uses for fromOidcIssuerLocation.
  'Spring Security': z.object({
    issuer: z.literal(issuer),
    subject_types_supported: z.array(z.enum(['public', 'pairwise'])).min(1),
    jwks_uri: z.url(),
    authorization_endpoint: z.url(),
    token_endpoint: z.url(),
    id_token_signing_alg_values_supported: texts.min(1),
    token_endpoint_auth_methods_supported: texts.refine((methods) => methods.includes('client_secret_basic')),
  }),
  // OpenIdConnectConfiguration of Microsoft.IdentityModel: the key set's address, over https.
  '.NET': z.object({ issuer: z.literal(issuer), jwks_uri: z.string().startsWith('https://') }),
  // OpenID Connect Discovery 1.0 §3, REQUIRED members: gateways check them.
  'OpenID Connect Discovery': z.object({
    issuer: z.literal(issuer),
    authorization_endpoint: z.url(),
    token_endpoint: z.url(),
    jwks_uri: z.url(),
    response_types_supported: texts,
    subject_types_supported: texts,
    id_token_signing_alg_values_supported: texts,
  }),
}

describe.each(Object.entries(readers))('the metadata is what %s demands', (_, demands) => {
  test.each(paths)('at %s', (path) => {
    expect(demands.safeParse(documents.get(path)).error?.issues ?? []).toEqual([])
  })
})

test('all paths serve the same document', () => {
  for (const path of paths) expect(documents.get(path)).toEqual(documents.get(paths[0] ?? ''))
})
