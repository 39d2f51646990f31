import { authenticateApiKey, checkApiKey, type Sender } from '../api-keys/authenticate.ts'
import type { ApiKeyRecord } from '../api-keys/lookup.ts'
import type { ApiKeyRefusal } from '../api-keys/usable.ts'
import { randomToken } from '../crypto/random.ts'
import { invalidRequest, ServiceError } from '../errors.ts'
import { withDeadline } from '../kit/runtime.ts'
import { longestTokenText } from '../kit/token/token-text.ts'
import { narrowAudience } from '../oauth/audience.ts'
import { accessTokenClaims, tokenLifetime } from '../oauth/claims.ts'
import { narrowScope } from '../oauth/scope.ts'
import type { TokenRequest } from '../oauth/token-request.ts'
import type { Services } from '../services.ts'
import { signJwt } from '../signing-keys/jwt.ts'
import { type Algorithm, defaultAlgorithm, isAlgorithm } from '../signing-keys/signer.ts'
import { refuseDeadToken } from './dead-on-arrival.ts'

type IssuedToken = {
  readonly accessToken: string
  /**
   * Whole seconds, at least 1. Not more than the token had left when the request arrived, unless that was less than 1.
   */
  readonly expiresInSeconds: number
  readonly scopes: readonly string[]
}

/**
 * Exchanges an API key for an access token (RFC 6749 §4.4, RFC 8693 §2, RFC 9068 §2). `receivedAt` is the time read
 * before the lookup. It becomes `iat`, so that a process that was paused cannot issue a token past a revocation.
 *
 * Throws `api_key_rejected` (`subject_token_rejected` for a subject token), `invalid_request`, `invalid_scope`,
 * `invalid_target`, `tokens_not_usable_yet`, and the 503s of the database and the key ring. Writes nothing to the
 * database; usage is collected in memory (usage/).
 */
export async function issueAccessToken(
  services: Services,
  request: TokenRequest,
  receivedAt: Date,
  sender: Sender = { address: null, agent: null },
): Promise<IssuedToken> {
  const { config, keyring } = services
  const listRead = readList(services)
  const apiKey = await checkCredentials(services, request, sender, receivedAt)
  if (listRead) await listRead
  const missed = services.revocations.readUpTo(apiKey.revocationMark)
  if (missed) await briefly(services, missed)
  const scopes = narrowScope(request.scopes, apiKey.scopes)
  const audiences = narrowAudience(request.audiences, apiKey, {
    issuer: config.issuer,
    defaultAudience: config.audience,
  })
  const { issuedAt, expiresAt, expiresInSeconds } = tokenLifetime(receivedAt, request.expiresInSeconds, {
    defaultSeconds: config.tokenTtlSeconds,
    maximumSeconds: config.maxTokenTtlSeconds,
    ends: endsOf(apiKey),
  })
  if (expiresInSeconds === 0) throw rejected(request.credential, 'expired')
  const claims = accessTokenClaims({
    tokenId: randomToken(),
    issuer: config.issuer,
    audiences,
    clientId: apiKey.id,
    keyVersion: apiKey.version,
    organizationId: apiKey.organizationId,
    environment: apiKey.environment,
    subject: apiKey.subject,
    scopes,
    roles: audiences[0] === config.issuer ? apiKey.roles : [],
    customClaims: apiKey.customClaims,
    issuedAt,
    expiresAt,
  })
  const signer = await keyring.signer('token', apiKey.ringGeneration, tokenAlgorithm(apiKey))
  const token = {
    jti: claims.jti,
    clientId: apiKey.id,
    keyVersion: apiKey.version,
    organizationId: apiKey.organizationId,
    subject: claims.sub,
    kid: signer.kid,
    issuedAt,
  }
  const refused = refuseDeadToken(services, token, () => rejected(request.credential, 'tokens_revoked'))
  if (refused) await refused
  const accessToken = await signJwt(signer, 'at+jwt', claims)
  if (accessToken.length > longestTokenText) throw tooLong()
  services.usage.recordExchange({
    apiKeyId: apiKey.id,
    version: apiKey.version,
    kid: signer.kid,
    expiresAt,
    address: sender.address,
    agent: sender.agent,
    at: receivedAt,
  })
  return { accessToken, expiresInSeconds, scopes }
}

/** How long an exchange waits for the revocation list, at most. */
const longestListMilliseconds = 250

/** Where no timer keeps the revocation list fresh (Workers), reads it while the API key is looked up. */
function readList(services: Services): undefined | Promise<void> {
  const reading = services.revocations.readAhead()
  return reading && briefly(services, reading)
}

/** Waits for a read that may finish after the response. An exchange works without it. */
function briefly({ platform }: Services, reading: Promise<void>): Promise<void> {
  platform.defer(reading)
  return withDeadline(
    () => reading,
    longestListMilliseconds,
    () => new Error('late'),
  ).catch(() => {})
}

/**
 * The API key that the token is for. In an exchange whose client authenticates, the client must be the same API key, in
 * the same or another version: a key acts for itself only (RFC 8693 §2.1).
 */
async function checkCredentials(
  services: Services,
  { credential, client }: Pick<TokenRequest, 'credential' | 'client'>,
  sender: Sender,
  now: Date,
): Promise<ApiKeyRecord> {
  const caller = client && (await authenticateApiKey(services, { ...sender, ...client }, now))
  if (caller && client?.secret === credential.secret) return caller
  const apiKey = await checkApiKey(services, { ...sender, ...credential }, now)
  if (typeof apiKey === 'string') throw rejected(credential, apiKey)
  if (caller && caller.id !== apiKey.id) {
    throw invalidRequest('The client and the subject_token are different API keys. Send the same API key as both.')
  }
  return apiKey
}

/** Happens if a request narrows a wildcard into many scopes, or for a key created before its settings were limited. */
function tooLong(): ServiceError {
  return invalidRequest(
    `The token would be longer than the ${longestTokenText} characters that verifiers accept. Request fewer scopes or audiences.`,
  )
}

/**
 * An unknown algorithm was set by a later version. It is not replaced, because the resource servers may accept no
 * other.
 */
function tokenAlgorithm({ tokenAlgorithm: chosen }: ApiKeyRecord): Algorithm {
  if (chosen === null) return defaultAlgorithm
  if (!isAlgorithm(chosen))
    throw new ServiceError('keyring_unavailable', {
      reason: 'the API key asks for an algorithm that this version does not know',
    })
  return chosen
}

/**
 * The error is the same for every form of credential, except that a refused subject token is `invalid_request` (RFC
 * 8693 §2.2.2).
 */
function rejected(credential: TokenRequest['credential'], reason: ApiKeyRefusal | 'tokens_revoked'): ServiceError {
  return new ServiceError(credential.method === 'subject_token' ? 'subject_token_rejected' : 'api_key_rejected', {
    reason,
  })
}

/**
 * All times at which the key may end during the token's lifetime. If one of them is in the past, the key was already
 * refused.
 */
function endsOf(apiKey: ApiKeyRecord) {
  return [
    apiKey.expiresAt,
    apiKey.versionExpiresAt,
    apiKey.revokedAt, // planned
  ]
}
