import { z } from '@hono/zod-openapi'
import type { Context, Hono } from 'hono'
import { authorizationServerMetadata, metadataNames, metadataPath } from '../oauth/metadata.ts'
import type { Services } from '../services.ts'
import { keySetMaxAgeSeconds } from '../signing-keys/lifecycle.ts'
import { algorithms, type KeyPurpose } from '../signing-keys/signer.ts'
import type { AppEnv } from './context.ts'
import { notFound } from './error-response.ts'
import { describedDocument } from './oauth-schemas.ts'
import { type PublicDocument, publicDocumentRoute } from './public-document.ts'
import { noteVerifier } from './verifier-sighting.ts'

/**
 * The public documents: RFC 8414 metadata and the two JWK Sets of RFC 7517. If the issuer has a path, the metadata is
 * between host and path, as RFC 8414 §3 requires, and also at the plain path: OpenID Connect Discovery 1.0 §4 appends
 * the well-known path to the issuer.
 */
export function wellKnownRoutes(app: Hono<AppEnv>): void {
  for (const name of metadataNames) {
    const plain = `/.well-known/${name}`
    publicDocumentRoute(app, plain, (c) => metadataDocument(c.get('services')))
    publicDocumentRoute(app, `${plain}/*`, async (c) => {
      const services = c.get('services')
      return c.req.path === metadataPath(services.config.issuer, name) ? await metadataDocument(services) : notFound(c)
    })
  }
  publicDocumentRoute(app, '/.well-known/jwks.json', verifierKeysDocument)
  publicDocumentRoute(app, '/.well-known/record-keys.json', async (c) => (await readKeySet(c, 'record')).document)
}

/** By default, verifiers of the kit do not use a revocation list that is older than this. */
const revocationLatencySeconds = 10

async function metadataDocument({ config, keyring, platform }: Services): Promise<PublicDocument> {
  const { issuer } = config
  const maxTokenLifetimeSeconds = await keyring.longestTokenSeconds()
  const body = JSON.stringify(
    authorizationServerMetadata({ issuer, revocationLatencySeconds, maxTokenLifetimeSeconds, algorithms }),
  )
  const etag = `"${await platform.sha256(body)}"`
  return { body, etag, contentType: 'application/json', maxAgeSeconds: config.jwksMaxAgeSeconds }
}

/**
 * The token keys, public. Verifiers may authenticate. A cache may store the answer to an anonymous fetch, but must not
 * use it for an authenticated one: `Vary` tells it so, and the kit sends `no-cache` for caches that ignore `Vary`.
 */
async function verifierKeysDocument(c: Context<AppEnv>): Promise<PublicDocument> {
  const { document, kids } = await readKeySet(c, 'token')
  noteVerifier(c, kids)
  return { ...document, vary: 'Authorization', isPrivate: c.req.header('authorization') !== undefined }
}

async function readKeySet(
  c: Context<AppEnv>,
  purpose: KeyPurpose,
): Promise<{ document: PublicDocument; kids: string[] }> {
  const { keyring, platform, config } = c.get('services')
  const set = await keyring.publicKeys(purpose)
  const body = JSON.stringify(set)
  const etag = `"${await platform.sha256(body)}"`
  const maxAgeSeconds = keySetMaxAgeSeconds(config, keyring.publicKeysAge())
  const document = { body, etag, contentType: 'application/jwk-set+json', maxAgeSeconds }
  return { document, kids: set.keys.flatMap(({ kid }) => kid ?? []) }
}

const jwkSet = z
  .object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string(), alg: z.string(), use: z.string() })) })
  .openapi('JwkSet')

const metadata = z
  .looseObject({
    issuer: z.url(),
    authorization_endpoint: z.url().openapi({ description: 'Refuses every request: this service has no sign-in' }),
    token_endpoint: z.url(),
    jwks_uri: z.url(),
    revocation_endpoint: z.url(),
    introspection_endpoint: z.url(),
    revocations_uri: z.url(),
    revocations_format: z.string(),
    revocation_latency_seconds: z.int(),
    max_token_lifetime_seconds: z.int(),
  })
  .openapi('AuthorizationServerMetadata')

/** For the API document. */
export const wellKnownDocuments = [
  describedDocument({
    path: '/.well-known/oauth-authorization-server',
    operationId: 'readMetadata',
    summary: 'Read the metadata and endpoints of this service (RFC 8414)',
    contentType: 'application/json',
    schema: metadata,
  }),
  describedDocument({
    path: '/.well-known/openid-configuration',
    operationId: 'readOpenIdMetadata',
    summary: 'Read the same metadata where OpenID Connect clients look for it',
    contentType: 'application/json',
    schema: metadata,
  }),
  describedDocument({
    path: '/.well-known/jwks.json',
    operationId: 'readTokenKeys',
    summary: 'Read the public keys that verify access tokens (RFC 7517)',
    contentType: 'application/jwk-set+json',
    schema: jwkSet,
  }),
  describedDocument({
    path: '/.well-known/record-keys.json',
    operationId: 'readRecordKeys',
    summary: 'Read the public keys that verify the revocation feed and audit checkpoints',
    contentType: 'application/jwk-set+json',
    schema: jwkSet,
  }),
]
