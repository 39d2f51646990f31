import * as v2 from '@modelcontextprotocol/client'
import * as v1Auth from '@modelcontextprotocol/sdk/client/auth.js'
import * as v1Providers from '@modelcontextprotocol/sdk/client/auth-extensions.js'
import * as v1 from '@modelcontextprotocol/sdk/client/index.js'
import * as v1Transport from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { Hono } from 'hono'
import { beforeAll, describe, expect, test } from 'vitest'
import { protectedResource, requireAccessToken } from '../../src/kit/hono.ts'
import { memoryRevocationList } from '../../src/kit/revocation/index.ts'
import { createVerifier } from '../../src/kit/verify.ts'
import { listen } from '../../src/node/http-server.ts'
import { releaseAfterFile } from '../support/cleanup.ts'
import { serveAtIssuer } from '../support/listening-service.ts'

let issuer: string
/** Address of an MCP server that needs an access token of the issuer, and its audience. */
let mcpUrl: string
let credentials: { clientId: string; clientSecret: string; expectedIssuer: string }

beforeAll(async () => {
  const { service, url } = await serveAtIssuer()
  issuer = url
  mcpUrl = await serveMcp(issuer)
  const key = await service.createKey({ scopes: ['tools:call'], audiences: [mcpUrl] })
  credentials = { clientId: key.id, clientSecret: key.secret, expectedIssuer: issuer }
})

describe('the official TypeScript MCP SDKs work unchanged', () => {
  test('a client of version 1 finds the issuer, gets a token with its API key and calls a tool', async () => {
    const client = new v1.Client({ name: 'test', version: '1' })
    const authProvider = new v1Providers.ClientCredentialsProvider(credentials)
    // The SDK's Transport type is not written for exactOptionalPropertyTypes.
    const transport = new v1Transport.StreamableHTTPClientTransport(new URL(mcpUrl), { authProvider })
    await client.connect(transport as Parameters<typeof client.connect>[0])
    expect(await client.callTool({ name: 'greet' })).toMatchObject({ content: [{ type: 'text', text: 'hello' }] })
    await client.close()
  })

  test('a client of version 2 finds the issuer, gets a token with its API key and calls a tool', async () => {
    const client = new v2.Client({ name: 'test', version: '1' })
    const authProvider = new v2.ClientCredentialsProvider(credentials)
    await client.connect(new v2.StreamableHTTPClientTransport(new URL(mcpUrl), { authProvider }))
    expect(await client.callTool({ name: 'greet' })).toMatchObject({ content: [{ type: 'text', text: 'hello' }] })
    await client.close()
  })

  const sdks = {
    'version 1': v1Auth.discoverAuthorizationServerMetadata,
    'version 2': v2.discoverAuthorizationServerMetadata,
  }

  test.each(Object.entries(sdks))('%s accepts the metadata at the path of OpenID Connect', async (_, discover) => {
    const fetchFn = async (address: string | URL, init?: RequestInit) =>
      String(address).includes('oauth-authorization-server')
        ? new Response(null, { status: 404 })
        : await fetch(address, init)
    expect(await discover(issuer, { fetchFn })).toMatchObject({
      issuer,
      token_endpoint: `${issuer}/token`,
      response_types_supported: [],
    })
  })
})

/** Returns the URL. */
async function serveMcp(trusted: string): Promise<string> {
  const app = new Hono()
  const server = await listen({ fetch: (request) => app.fetch(request), port: 0, host: '127.0.0.1' })
  releaseAfterFile(() => server.stop(0))
  const audience = `http://127.0.0.1:${server.port}/mcp`
  const verifier = createVerifier({ issuer: trusted, audience, revocations: memoryRevocationList() })
  const resource = protectedResource({ verifier, scopes: ['tools:call'] })
  app.get(resource.path, (c) => c.json(resource.document))
  app.use('/mcp', requireAccessToken({ verifier, scope: 'tools:call', resourceMetadata: resource.metadataUrl }))
  app.all('/mcp', async (c) => {
    const mcp = new McpServer({ name: 'greeter', version: '1' })
    mcp.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'hello' }] }))
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true })
    await mcp.connect(transport)
    return await transport.handleRequest(c.req.raw)
  })
  return audience
}
