import type { Principal, RequestOrigin } from '../access/principal.ts'
import { findApiKeyBySecret } from '../api-keys/authenticate.ts'
import type { ApiKeyRecord } from '../api-keys/lookup.ts'
import { revokeOwnApiKey } from '../api-keys/revoke.ts'
import { appendAuditEvent } from '../audit/append-queries.ts'
import { AccessTokenError } from '../kit/access-token-error.ts'
import type { AccessToken } from '../kit/token/access-token.ts'
import { refreshAfterCommit } from '../revocation/refresh-after-commit.ts'
import { addRevocationRule } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'
import { verifyAccessToken } from './verify.ts'

/** RFC 7009 has no parameter for a reason. */
const because = { reason: 'other', text: 'revoked by its client' } as const

/**
 * Revokes an access token of the caller, or the caller's own API key with all of its tokens (RFC 7009 §2.1). Any other
 * text (unknown, malformed, expired, or belonging to another client) changes nothing and gets the same answer (§2.2).
 *
 * Returns after the commit. Repeating it is safe. Throws the database's 503s, and `revocations_unavailable` if the
 * token cannot be checked right now.
 */
export async function revokeToken(
  services: Services,
  caller: ApiKeyRecord,
  origin: RequestOrigin,
  text: string,
): Promise<void> {
  const actor = clientPrincipal(caller, origin)
  const apiKey = await findApiKeyBySecret(services, text, services.now())
  if (apiKey && apiKey !== 'malformed') {
    if (apiKey.id === caller.id) await revokeOwnApiKey(services, actor, because)
    return
  }
  const token = await verifyAccessToken(services, text)
  if (!(token instanceof AccessTokenError) && token.clientId === caller.id)
    await revokeAccessToken(services, actor, token)
}

async function revokeAccessToken(
  services: Services,
  actor: Principal,
  { id, organizationId }: AccessToken,
): Promise<void> {
  const now = services.now()
  await services.db.transaction(async (tx) => {
    const rule = {
      kind: 'token',
      value: id,
      expires: 'when_dead',
      organizationId,
      reason: because.reason,
      reasonText: because.text,
      actor: actor.clientId,
    } as const
    const revocationId = await addRevocationRule(tx, rule, services.config.clockToleranceSeconds, now)
    const context = { revocationId, text: because.text }
    const event = {
      type: 'token.revoked',
      actor,
      organizationId,
      subject: id,
      reason: because.reason,
      context,
    } as const
    await appendAuditEvent(tx, event, now) // last, because it takes the audit trail's lock
  })
  await refreshAfterCommit(services)
}

/** A client acts only for itself here, so the roles of its key do not apply. */
function clientPrincipal(caller: ApiKeyRecord, origin: RequestOrigin): Principal {
  return {
    clientId: caller.id,
    organizationId: caller.organizationId,
    roles: new Set(),
    scopes: new Set(caller.scopes),
    audiences: new Set(caller.audiences),
    origin,
  }
}
