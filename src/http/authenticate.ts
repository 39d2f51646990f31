import type { Context, MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import { isRole } from '../access/permissions.ts'
import type { Principal, RequestOrigin } from '../access/principal.ts'
import { customRolesOf } from '../access/queries.ts'
import { admitSender, authenticateApiKey } from '../api-keys/authenticate.ts'
import type { ApiKeyRecord } from '../api-keys/lookup.ts'
import { findApiKeyRecord } from '../api-keys/queries.ts'
import { isId } from '../crypto/random.ts'
import type { ServiceErrorCode } from '../error-catalogue.ts'
import { ServiceError } from '../errors.ts'
import { AccessTokenError } from '../kit/access-token-error.ts'
import type { AccessToken } from '../kit/token/access-token.ts'
import { hasScopes } from '../kit/token/held-scopes.ts'
import { revocableToken } from '../kit/verifier.ts'
import { readClientCredential } from '../oauth/client-credential.ts'
import { parseForm } from '../oauth/form.ts'
import type { Services } from '../services.ts'
import { verifyAccessToken } from '../token/verify.ts'
import { type AppEnv, requestOrigin, sender } from './context.ts'
import { expectedRevision } from './etag.ts'

/**
 * Finds out who calls the admin API: by API key (`Authorization: Bearer` or `X-API-Key`) or by an access token for the
 * issuer's audience. Key, roles and organization are read from the database for each request. Throws `unauthenticated`,
 * `api_key_rejected`, `invalid_request` for more than one credential.
 *
 * Does not decide what the caller may do. If a later step refuses an authenticated caller, this function writes the
 * refusal to the audit trail. Attempts of unauthenticated callers are not recorded.
 */
export function authenticate(): MiddlewareHandler<AppEnv> {
  return async function authenticateCaller(c, next) {
    const { services, receivedAt } = c.var
    const principal = await readPrincipal(services, c, receivedAt, requestOrigin(c))
    c.set('principal', { ...principal, expectedRevision: expectedRevision(c) })
    await next()
    if (c.error instanceof ServiceError && audited.has(c.error.code)) await audit(c, services, c.error)
  }
}

/**
 * Refusals of something that a caller tried to do. Unreadable requests and failures of the service are not recorded.
 */
const audited: ReadonlySet<ServiceErrorCode> = new Set<ServiceErrorCode>([
  'permission_denied',
  'not_found',
  'conflict',
  'too_early',
  'plan_limit_reached',
  'lifetime_not_allowed',
])

/** Other text, such as a mistyped secret, must not be kept forever. */
function idOrNull(text: string | undefined, hasForm: (text: string) => boolean): string | null {
  return text !== undefined && hasForm(text) ? text : null
}

/** The form of a kid: an RFC 7638 thumbprint. */
function isThumbprint(text: string): boolean {
  return /^[\w-]{43}$/.test(text)
}

async function audit(c: Context<AppEnv>, services: Services, refused: ServiceError): Promise<void> {
  const route = routePath(c, -1)
  const id = c.req.param('id')
  const refusal = {
    operation: `${c.req.method} ${route}`,
    subject: route.startsWith('/v1/signing-keys') ? idOrNull(id, isThumbprint) : idOrNull(id, isId),
    code: refused.code,
    reason: refused.reason,
    about: refused.about,
  }
  try {
    await services.refusals.record(c.var.principal, refusal)
  } catch (error) {
    // The caller still gets the refusal: nothing was changed, so nothing must be undone.
    services.log('error', 'audit_failed', {
      requestId: c.var.requestId,
      ...c.get('caller'),
      ...refusal,
      error: error instanceof Error ? error.name : typeof error,
    })
  }
}

async function readPrincipal(
  services: Services,
  c: Context<AppEnv>,
  now: Date,
  origin: RequestOrigin,
): Promise<Principal> {
  const headers = { authorization: c.req.header('authorization'), apiKey: c.req.header('x-api-key') }
  const credential = readClientCredential(headers, parseForm(''))
  if (!credential || credential.method === 'client_secret_basic') throw new ServiceError('unauthenticated')
  const { method, secret } = credential
  if (method === 'bearer' && secret.includes('.')) return await principalOfToken(c, secret, now, origin)
  const apiKey = await authenticateApiKey(services, { ...sender(c), secret, clientId: undefined }, now)
  return { ...(await principalOf(services, apiKey, origin)), apiKeyVersion: apiKey.version }
}

/** Only the key, its version and a narrower scope come from the token. Rights never do. */
async function principalOfToken(
  c: Context<AppEnv>,
  text: string,
  now: Date,
  origin: RequestOrigin,
): Promise<Principal> {
  const { services } = c.var
  const token = await verifyAccessToken(services, text)
  if (token instanceof AccessTokenError) {
    if (token.token) noteAttempt(c, token.token, now)
    throw rejected(`token_${token.reason}`, token)
  }
  noteCaller(c, token)
  if (!token.audience.includes(services.config.issuer)) throw rejected('token_audience')
  const found = await findApiKeyRecord(services.db, token.clientId, token.keyVersion)
  const apiKey = admitSender(services, found, { ...sender(c), clientId: undefined }, now)
  if (typeof apiKey === 'string') throw rejected(apiKey)
  const scopes = [...token.scopes].filter((scope) => hasScopes(apiKey.scopes, [scope], 'all'))
  const principal = await principalOf(services, { ...apiKey, scopes }, origin)
  return { ...principal, accessToken: revocableToken(token) }
}

/** For the log: the token is of this service, so it names its client. */
function noteCaller(c: Context<AppEnv>, { clientId, organizationId }: AccessToken): void {
  c.set('caller', { clientId, organizationId })
}

/** Somebody still uses a token of a key that was revoked or disabled, or a token that was revoked itself. */
function noteAttempt(c: Context<AppEnv>, token: AccessToken, at: Date): void {
  noteCaller(c, token)
  const { address, agent } = requestOrigin(c)
  const attempt = { apiKeyId: token.clientId, version: token.keyVersion, address, agent, at, reason: 'token_revoked' }
  c.get('services').usage.recordAttempt(attempt)
}

async function principalOf({ config, db }: Services, apiKey: ApiKeyRecord, origin: RequestOrigin): Promise<Principal> {
  const { id: clientId, organizationId, serviceAccountId } = apiKey
  const customRoles = await customRolesOf(db, organizationId, apiKey.roles)
  const roles = new Set(apiKey.roles.filter((role) => isRole(role) || customRoles.has(role)))
  const audiences = new Set([config.audience, ...apiKey.audiences, ...(roles.size > 0 ? [config.issuer] : [])])
  return {
    clientId,
    organizationId,
    serviceAccountId,
    roles,
    customRoles,
    scopes: new Set(apiKey.scopes),
    audiences,
    origin,
  }
}

function rejected(reason: string, cause?: unknown): ServiceError {
  return new ServiceError('api_key_rejected', { reason, cause })
}
