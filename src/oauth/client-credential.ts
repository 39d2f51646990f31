import { ServiceError } from '../errors.ts'
import type { Form } from './form.ts'

/** The two headers that may carry a credential, as received. Repeated headers arrive joined by a comma. */
export type CredentialHeaders = {
  readonly authorization: string | undefined
  /** X-API-Key. */
  readonly apiKey: string | undefined
}

/** An API key as the caller sent it. Neither its format nor its existence is checked yet. */
export type ClientCredential = {
  readonly method: 'client_secret_basic' | 'client_secret_post' | 'bearer' | 'api_key_header'
  readonly secret: string
  /** Client id that was sent with the secret; it must be the key's id. */
  readonly clientId: string | undefined
}

/**
 * The one credential of a request, or undefined: Basic or form (RFC 6749 §2.3.1), `Authorization: Bearer` or
 * `X-API-Key`. Does not read a form's `subject_token`: oauth/token-request.ts does.
 *
 * More than one credential is `invalid_request`, even if they agree (RFC 6749 §2.3). So is a comma in a credential
 * header, because two headers arrive that way. An unreadable credential is `api_key_rejected`, like a wrong one.
 */
export function readClientCredential(headers: CredentialHeaders, form: Form): ClientCredential | undefined {
  const { authorization, apiKey } = headers
  if (authorization?.includes(',') || apiKey?.includes(',')) {
    throw new ServiceError('invalid_request', {
      detail: 'A credential header was sent twice or holds a comma. Send it once.',
    })
  }
  const clientSecret = form.get('client_secret')
  if ([authorization, apiKey, clientSecret].filter((credential) => credential !== undefined).length > 1) {
    throw new ServiceError('invalid_request', { detail: 'Send exactly one credential, in one way.' })
  }

  const clientId = form.get('client_id')
  if (authorization !== undefined) return readAuthorization(authorization, clientId)
  if (apiKey !== undefined) return { method: 'api_key_header', secret: apiKey, clientId }
  if (clientSecret === undefined) return undefined
  if (clientId === undefined)
    throw new ServiceError('invalid_request', {
      detail: 'client_id is missing. Send the id of the API key together with client_secret.',
    })
  return { method: 'client_secret_post', secret: clientSecret, clientId }
}

function readAuthorization(authorization: string, formClientId: string | undefined): ClientCredential {
  const space = authorization.indexOf(' ')
  const scheme = (space === -1 ? authorization : authorization.slice(0, space)).toLowerCase()
  const credentials = space === -1 ? '' : authorization.slice(space + 1)
  if (scheme === 'bearer') return { method: 'bearer', secret: credentials, clientId: formClientId }
  if (scheme !== 'basic') throw new ServiceError('api_key_rejected', { reason: 'unsupported_scheme' })
  const { clientId, secret } = decodeBasic(credentials)
  if (formClientId !== undefined && formClientId !== clientId) {
    throw new ServiceError('invalid_request', { detail: 'client_id differs from the one in the Authorization header.' })
  }
  return { method: 'client_secret_basic', secret, clientId }
}

/** Base64 of `id:secret`, both form-encoded first (RFC 6749 §2.3.1, RFC 7617 §2). */
function decodeBasic(credentials: string): { clientId: string; secret: string } {
  const text = decodeBase64(credentials)
  const colon = text.indexOf(':')
  if (colon < 1) throw malformedBasic()
  return { clientId: decodeFormComponent(text.slice(0, colon)), secret: decodeFormComponent(text.slice(colon + 1)) }
}

/** Strict, because `atob` alone accepts spaces. The result is Latin-1, which is enough for ids and keys. */
function decodeBase64(text: string): string {
  if (text.length > longestBasic || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw malformedBasic()
  try {
    return atob(text)
  } catch (cause) {
    throw malformedBasic(cause)
  }
}

function decodeFormComponent(text: string): string {
  if (!/[%+]/.test(text)) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch (cause) {
    throw malformedBasic(cause)
  }
}

function malformedBasic(cause?: unknown): ServiceError {
  return new ServiceError('api_key_rejected', { reason: 'malformed_basic', cause })
}

const longestBasic = 2048
