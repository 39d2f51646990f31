import type { ApiKeyRecord } from '../api-keys/lookup.ts'
import { findApiKeyRecord } from '../api-keys/queries.ts'
import { usableApiKey } from '../api-keys/usable.ts'
import { AccessTokenError } from '../kit/access-token-error.ts'
import type { AccessToken } from '../kit/token/access-token.ts'
import type { Services } from '../services.ts'
import { verifyAccessToken } from './verify.ts'

/** RFC 7662 §2.2. An inactive answer contains nothing else, so it never says why. */
type Introspection =
  | { readonly active: false }
  | {
      readonly active: true
      readonly token_type: 'Bearer'
      readonly iss: string
      readonly sub: string
      readonly aud: string | readonly string[]
      readonly client_id: string
      readonly iat: number
      readonly exp: number
      readonly jti: string
      readonly scope?: string
      readonly org_id: string
      readonly env: string
      readonly key_version: number
    }

/**
 * Whether an access token of this service is active right now. Callers who are not allowed to know get `active: false`.
 * Reads the revocation list again and looks up the API key behind the token, so the answer never comes from a cache.
 *
 * Throws `revocations_unavailable` if the list cannot be read, and the database's 503s. Never answers from stale state.
 */
export async function introspectToken(
  services: Services,
  caller: ApiKeyRecord,
  text: string,
  now: Date,
): Promise<Introspection> {
  await services.revocations.refresh()
  const token = await verifyAccessToken(services, text)
  if (token instanceof AccessTokenError || !mayKnow(caller, token)) return inactive
  const found = await findApiKeyRecord(services.reads, token.clientId, token.keyVersion)
  const apiKey = usableApiKey(found, { clientId: undefined, address: 'not_checked' }, now) // the address is the asking server's
  return typeof apiKey === 'string' ? inactive : active(token)
}

const inactive: Introspection = { active: false }

/**
 * Besides root and the token's organization, only audiences listed on the caller's key count. Every key may request the
 * default audience, so that alone proves nothing. A resource server for the default audience must list it on its key.
 */
function mayKnow(caller: ApiKeyRecord, token: AccessToken): boolean {
  if (caller.roles.includes('root') || caller.organizationId === token.organizationId) return true
  return token.audience.some((audience) => caller.audiences.includes(audience))
}

function active(token: AccessToken): Introspection {
  const [audience, ...further] = token.audience
  return {
    active: true,
    token_type: 'Bearer',
    iss: token.issuer,
    sub: token.subject,
    aud: audience !== undefined && further.length === 0 ? audience : token.audience,
    client_id: token.clientId,
    iat: token.issuedAt,
    exp: token.expiresAt,
    jti: token.id,
    ...(token.scopes.size === 0 ? {} : { scope: [...token.scopes].join(' ') }),
    org_id: token.organizationId,
    env: token.environment,
    key_version: token.keyVersion,
  }
}
