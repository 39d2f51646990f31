import { invalidRequest, ServiceError } from '../errors.ts'
import { checkResource } from './audience.ts'
import { type ClientCredential, type CredentialHeaders, readClientCredential } from './client-credential.ts'
import { type Form, type InspectParameter, parseForm } from './form.ts'
import { parseScope } from './scope.ts'

export const clientCredentialsGrant = 'client_credentials'
export const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
/** `subject_token_type` of an API key: a custom name, as RFC 8693 §3 allows. */
export const apiKeyTokenType = 'urn:mintage:params:oauth:token-type:api-key'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
const jwtTokenType = 'urn:ietf:params:oauth:token-type:jwt'

/** An API key as `subject_token` (RFC 8693 §2.1). Neither its format nor its existence is checked yet. */
type SubjectToken = {
  readonly method: 'subject_token'
  readonly secret: string
  /** `client_id` of a client that does not authenticate; it must be the key's id. */
  readonly clientId: string | undefined
}

export type TokenRequest = {
  readonly grantType: typeof clientCredentialsGrant | typeof tokenExchangeGrant
  /** The API key that the token is for. */
  readonly credential: ClientCredential | SubjectToken
  /** Token exchange only: the client that sends the subject token, if it authenticates. */
  readonly client: ClientCredential | undefined
  /** Undefined = not requested. */
  readonly scopes: ReadonlySet<string> | undefined
  /** `audience` and `resource` together; empty = not requested. */
  readonly audiences: readonly string[]
  /** Whole seconds, at least 1, not yet capped; undefined = not requested. */
  readonly expiresInSeconds: number | undefined
  /** Token exchange only (RFC 8693 §2.2.1). */
  readonly issuedTokenType: string | undefined
}

/**
 * Reads a request to /token: RFC 6749 §4.4, RFC 8693 §2.1, RFC 8707 §2, and the short form with one credential header
 * and no `grant_type`. Does not check the credential or what it is allowed to request.
 *
 * Calls `inspect` for each parameter first. Throws `invalid_request`, `unsupported_grant_type`, `invalid_scope`,
 * `invalid_target`; `unauthenticated` without a credential, and `api_key_rejected` for an unreadable one. The errors
 * never repeat text from the request.
 */
export function readTokenRequest(headers: CredentialHeaders, body: string, inspect?: InspectParameter): TokenRequest {
  const form = parseForm(body, repeatable, inspect)
  const client = readClientCredential(headers, form)
  const grantType = readGrantType(form, client)
  const scope = form.get('scope')
  return {
    grantType,
    ...(grantType === tokenExchangeGrant ? readExchange(form, client) : readClientCredentials(form, client)),
    scopes: scope === undefined ? undefined : parseScope(scope),
    audiences: [...form.all('audience'), ...form.all('resource').map(checkResource)],
    expiresInSeconds: readExpiresIn(form),
    issuedTokenType:
      grantType === tokenExchangeGrant ? (form.get('requested_token_type') ?? accessTokenType) : undefined,
  }
}

const repeatable: ReadonlySet<string> = new Set(['audience', 'resource'])

function readGrantType(form: Form, credential: ClientCredential | undefined): TokenRequest['grantType'] {
  const grantType = form.get('grant_type')
  if (grantType === clientCredentialsGrant || grantType === tokenExchangeGrant) return grantType
  if (grantType !== undefined) throw new ServiceError('unsupported_grant_type')
  const isShorthand = credential?.method === 'bearer' || credential?.method === 'api_key_header'
  if (!isShorthand) {
    throw new ServiceError('invalid_request', {
      detail:
        'grant_type is missing. Send a form with grant_type=client_credentials, or only the API key as Authorization: Bearer or X-API-Key.',
    })
  }
  return clientCredentialsGrant
}

type Credentials = Pick<TokenRequest, 'credential' | 'client'>

function readClientCredentials(form: Form, client: ClientCredential | undefined): Credentials {
  if (!client) {
    throw new ServiceError('unauthenticated', {
      detail: 'Send an API key: HTTP Basic with the id of the API key and the key, or Authorization: Bearer.',
    })
  }
  if (form.get('subject_token') !== undefined) {
    throw invalidRequest(`subject_token needs the grant_type ${tokenExchangeGrant}. Send that, or leave it out.`)
  }
  return { credential: client, client: undefined }
}

/**
 * RFC 8693 §2.1. An API key acts for itself, so actor tokens are refused. The client may authenticate as well, in the
 * two ways that the metadata lists: whether it is the same API key is checked after the lookup.
 */
function readExchange(form: Form, client: ClientCredential | undefined): Credentials {
  const subjectToken = form.get('subject_token')
  if (subjectToken === undefined || form.get('subject_token_type') !== apiKeyTokenType) {
    throw new ServiceError('invalid_request', {
      detail: `subject_token must be an API key and subject_token_type ${apiKeyTokenType}.`,
    })
  }
  if (form.get('actor_token') !== undefined || form.get('actor_token_type') !== undefined) {
    throw new ServiceError('invalid_request', {
      detail: 'Delegation is not supported: leave out actor_token and actor_token_type.',
    })
  }
  const requested = form.get('requested_token_type')
  if (requested !== undefined && requested !== accessTokenType && requested !== jwtTokenType) {
    throw new ServiceError('invalid_request', {
      detail: `requested_token_type must be ${accessTokenType} or ${jwtTokenType}.`,
    })
  }
  if (client?.method === 'bearer' || client?.method === 'api_key_header') {
    throw invalidRequest('Send subject_token alone, or with client authentication: HTTP Basic, or client_secret.')
  }
  const clientId = client === undefined ? form.get('client_id') : undefined
  return { credential: { method: 'subject_token', secret: subjectToken, clientId }, client }
}

function readExpiresIn(form: Form): number | undefined {
  const text = form.get('expires_in')
  if (text === undefined) return undefined
  if (!/^[1-9][0-9]*$/.test(text))
    throw new ServiceError('invalid_request', { detail: 'expires_in must be a positive whole number of seconds.' })
  return Number(text)
}
