import type { ServiceErrorCode } from '../src/error-catalogue.ts'

/**
 * What docs/errors.md adds to the catalogue in src/error-catalogue.ts: when each error happens, and what to do about
 * it.
 */
export const errorGuide: Readonly<Record<ServiceErrorCode, { readonly happens: string; readonly remedy: string }>> = {
  invalid_request: {
    happens: 'A parameter, a member of the body or a header is missing, malformed, unknown or sent twice.',
    remedy:
      'Read `detail`; in the admin API `errors` names each wrong member. Correct the request: the same request will fail again.',
  },
  misplaced_credential: {
    happens:
      'The path, the query, a header, or a member of the body or the form that is not for credentials contains an API key or an access token of this service. Nothing was stored.',
    remedy:
      'The credential is in the logs of whatever stands between: revoke it, create a new one, and send it as `Authorization` or `X-API-Key` only. To find the key of a leaked secret, use `mintage api-keys find-leaked`.',
  },
  invalid_scope: {
    happens: 'The exchange asked for a scope that the API key does not hold, or that is not a valid scope.',
    remedy: 'Ask for less, or leave `scope` out to get all scopes of the key. `mintage me` shows them.',
  },
  invalid_target: {
    happens:
      'The exchange asked for an audience or a resource that the API key may not use. A root key may ask for the issuer only.',
    remedy: 'Leave `audience` out to get the default, or add the audience to the key.',
  },
  unsupported_grant_type: {
    happens: 'The exchange named a grant type other than the two supported ones.',
    remedy: 'Send `grant_type=client_credentials`, or the API key alone as `Authorization: Bearer`.',
  },
  unauthorized_client: {
    happens:
      'A client asked `/authorize` to sign somebody in. The metadata names this path only because many clients require it: it refuses every request.',
    remedy:
      'Configure the client for the grant type `client_credentials`, with the id of an API key as client id and the key as client secret.',
  },
  api_key_rejected: {
    happens:
      'The API key is unknown, revoked, expired or disabled, or its organization is suspended. At the admin API the same goes for an access token. All cases look the same to the caller; the log of the service has the reason.',
    remedy:
      'Check which key the caller sends: `mintage api-keys list` shows the last four characters as `hint`. Then create or rotate a key. Do not retry.',
  },
  subject_token_rejected: {
    happens: 'The same as `api_key_rejected`, for the key in a token exchange. RFC 8693 requires status 400 there.',
    remedy: 'See `api_key_rejected`.',
  },
  unauthenticated: {
    happens: 'The request has no credential, or none that this path accepts.',
    remedy:
      'Send an API key as `Authorization: Bearer` or `X-API-Key`. The OAuth endpoints also accept HTTP Basic with the id of the key.',
  },
  permission_denied: {
    happens: 'The caller is known, but none of its roles allows this. The audit trail records the refusal.',
    remedy: 'See your roles with `mintage me`, and ask an administrator for another role. Do not retry.',
  },
  not_found: {
    happens: 'The path does not exist, nothing has this id, or it belongs to somebody else. All three look the same.',
    remedy: 'List the resources with the same key, and check the id.',
  },
  method_not_allowed: {
    happens: 'The path exists, but it does not accept this method.',
    remedy: 'Use one of the methods in the `Allow` header.',
  },
  conflict: {
    happens: 'The resource is in a state that does not allow this, or a name is taken. `detail` says which.',
    remedy: 'Read the resource again before you decide what to do. The same request will fail again.',
  },
  precondition_failed: {
    happens:
      '`If-Match` names an old revision: somebody changed the resource after you read it. Or the tag can never match: `detail` says whether a proxy made it weak (`W/`) or changed it, or whether the request changes nothing that has a tag.',
    remedy:
      'Read it again, check that your change still makes sense, and send it with the new `ETag`. If a proxy changed the tag, switch off its compression for this path, or send the `revision` of the answer in quotes.',
  },
  plan_limit_reached: {
    happens: 'The organization has as many API keys as its plan allows.',
    remedy: 'Revoke keys that are not needed, or change the plan of the organization: `mintage plans list`.',
  },
  lifetime_not_allowed: {
    happens:
      "An API key would live longer than the organization's policy or the key's role allows; `detail` gives the latest time.",
    remedy: 'Set an earlier `expiresAt`.',
  },
  too_early: {
    happens: 'A signing key would sign before every verifier can have it. `safeAt` is the time from which it is safe.',
    remedy: 'Wait until then. In an incident use `force`, after reading in `detail` what it breaks.',
  },
  idempotency_key_reused: {
    happens: 'The `Idempotency-Key` was already used for a different request: another path or another body.',
    remedy: 'Make a new key for each new request. Repeat a key only with its own request.',
  },
  idempotency_key_in_use: {
    happens:
      'The first request with this `Idempotency-Key` is still running, or it was done and its response was lost.',
    remedy: 'Try again after `Retry-After`. If the error persists, look for what the request created: it exists.',
  },
  request_timeout: {
    happens: 'The request body did not arrive in time.',
    remedy: 'Send it again. If it happens often, look at the network in between.',
  },
  payload_too_large: {
    happens: 'The body is larger than the path accepts.',
    remedy: 'Send less at once.',
  },
  unsupported_media_type: {
    happens: 'The body is not JSON (admin API) or not a form (OAuth endpoints), or it is compressed.',
    remedy: 'Set the right `Content-Type`, and send the body uncompressed.',
  },
  database_unavailable: {
    happens: 'The database did not answer in time. Nothing was changed.',
    remedy: 'Try again after `Retry-After`. Operators: run `mintage doctor` and look at `/readyz` of each instance.',
  },
  outcome_unknown: {
    happens: 'A change was sent to the database and the response was lost. The change may have happened.',
    remedy: 'Try again after `Retry-After`: that is safe. Use an `Idempotency-Key` for requests that create something.',
  },
  kek_unavailable: {
    happens: 'The KEK provider (AWS KMS, an HSM) is not responding, or it refused.',
    remedy: 'Try again later. Operators: run `mintage kek status` and read docs/runbooks/kms-and-hsm.md.',
  },
  keyring_unavailable: {
    happens: 'No signing key can be used right now: the key ring cannot be read or opened.',
    remedy:
      'Try again after `Retry-After`. Operators: `/readyz` gives the reason. If a KEK is missing, read docs/runbooks/lost-kek.md.',
  },
  revocations_unavailable: {
    happens: 'The revocation list is older than allowed, so the service cannot tell whether a token is revoked.',
    remedy: 'Try again after `Retry-After`. Operators: the list comes from the database; run `mintage doctor`.',
  },
  tokens_not_usable_yet: {
    happens:
      'The API key works, but its tokens of the last seconds are revoked: it was enabled, its organization was resumed, or tokens were revoked just now. A token issued at once would be refused everywhere.',
    remedy: 'Try again after `Retry-After`: at most the clock tolerance of the service, by default 30 seconds.',
  },
  internal: {
    happens: 'An unexpected error happened. The response contains no details.',
    remedy: 'Give `instance` or the `X-Request-Id` header to the operator: the log line with this id has the error.',
  },
}
