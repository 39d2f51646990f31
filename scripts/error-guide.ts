import type { ServiceErrorCode } from '../src/errors.ts'

/** What docs/errors.md says about a code beside what the catalogue in src/errors.ts knows: when it happens, and what to do about it. */
export const errorGuide: Readonly<Record<ServiceErrorCode, { readonly happens: string; readonly remedy: string }>> = {
  invalid_request: {
    happens: 'A parameter, a member of the body or a header is missing, malformed, unknown or sent twice.',
    remedy:
      'Read `detail`; in the admin API `errors` names each wrong member. Correct the request: repeating it as it is will not help.',
  },
  invalid_scope: {
    happens: 'The exchange asked for a scope that the API key does not hold, or that is no scope.',
    remedy: 'Ask for less, or leave `scope` out to get all that the key holds. `mintage me` shows it.',
  },
  invalid_target: {
    happens:
      'The exchange asked for an audience or a resource that is not open to the API key. A root key may ask for the issuer only.',
    remedy: 'Leave `audience` out to get the default one, or add the audience to the key.',
  },
  unsupported_grant_type: {
    happens: 'The exchange named another grant than the two there are.',
    remedy: 'Send `grant_type=client_credentials`, or the API key alone as `Authorization: Bearer`.',
  },
  unauthorized_client: {
    happens: 'The API key is good, and not for this grant.',
    remedy: 'Use the grant that the key is for.',
  },
  api_key_rejected: {
    happens:
      'The API key is unknown, revoked, expired, disabled, or its organization is suspended; or the access token at the admin API is. Outside all of them look alike; the log of the service has the reason.',
    remedy:
      'Check which key the caller sends: the last four letters are the `hint` in `mintage api-keys list`. Then create or rotate a key. Do not retry.',
  },
  subject_token_rejected: {
    happens: 'As `api_key_rejected`, for the key in a token exchange, where RFC 8693 wants 400.',
    remedy: 'As for `api_key_rejected`.',
  },
  unauthenticated: {
    happens: 'No credential came along, or none that this path takes.',
    remedy:
      'Send an API key as `Authorization: Bearer` or `X-API-Key`; at the OAuth endpoints HTTP Basic with the id of the key works too.',
  },
  permission_denied: {
    happens: 'The caller is known, and none of its roles allows this. It stands in the audit trail as refused.',
    remedy: 'Look with `mintage me` at the roles, and ask an administrator for another one. Do not retry.',
  },
  not_found: {
    happens:
      'There is no such path, or no thing with this id, or it belongs to somebody else: the three look the same.',
    remedy: 'List what there is, with the same key.',
  },
  method_not_allowed: {
    happens: 'The path is right and the method is not.',
    remedy: 'Use one of those in the header `Allow`.',
  },
  conflict: {
    happens: 'The thing is in a state that does not allow this, or a name is taken; `detail` says which.',
    remedy: 'Read the thing again and decide anew. Repeating the request as it is will not help.',
  },
  precondition_failed: {
    happens: '`If-Match` names a revision that the thing no longer has: somebody changed it after you read it.',
    remedy: 'Read it again, look whether your change still makes sense, and send it with the new `ETag`.',
  },
  plan_limit_reached: {
    happens: 'The organization has as many of these as its plan allows.',
    remedy: 'Revoke what is not needed, or put the organization on another plan: `mintage plans list`.',
  },
  lifetime_not_allowed: {
    happens:
      "An API key would live longer than the organization's policy or the key's role allows; `detail` has the latest instant.",
    remedy: 'Give an earlier `expiresAt`.',
  },
  too_early: {
    happens: 'A signing key would sign before every verifier can have it; `safeAt` is the instant from which it may.',
    remedy: 'Wait until then. In an incident use `force` and know what `detail` says about it.',
  },
  idempotency_key_reused: {
    happens: 'An `Idempotency-Key` came with another request before: another path, another body or another caller.',
    remedy: 'Make a new key for each new request, and repeat a key only with the request it was made for.',
  },
  idempotency_key_in_use: {
    happens: 'The first request with this `Idempotency-Key` is under way, or was done and its answer got lost.',
    remedy: 'Repeat it after `Retry-After`. If it stays so, look for what the request made: it is there.',
  },
  request_timeout: {
    happens: 'The body of the request did not arrive in time.',
    remedy: 'Send it again; look at the network between when it happens often.',
  },
  payload_too_large: {
    happens: 'The body is larger than the path takes.',
    remedy: 'Send less at once.',
  },
  unsupported_media_type: {
    happens: 'The body is not JSON (admin API), not a form (OAuth endpoints), or compressed.',
    remedy: 'Set `Content-Type` to what the body is, and send it uncompressed.',
  },
  database_unavailable: {
    happens: 'The database did not answer in time. Nothing was changed.',
    remedy: 'Repeat it after `Retry-After`. As the operator: `mintage doctor`, and `/readyz` of each instance.',
  },
  outcome_unknown: {
    happens: 'A change was sent to the database and the answer was lost: it may have happened.',
    remedy: 'Repeat it after `Retry-After`: that is safe. For what creates something use an `Idempotency-Key`.',
  },
  kek_unavailable: {
    happens: 'What holds the KEK (AWS KMS, an HSM) does not answer or refuses.',
    remedy: 'Repeat it later. As the operator: `mintage kek status` and docs/runbooks/kms-and-hsm.md.',
  },
  keyring_unavailable: {
    happens: 'No signing key can be used right now: the ring cannot be read or opened.',
    remedy:
      'Repeat it after `Retry-After`. As the operator: the reason is in `/readyz`; docs/runbooks/lost-kek.md if a KEK is missing.',
  },
  revocations_unavailable: {
    happens: 'The revocation list is older than allowed, so that nobody can say whether a token is revoked.',
    remedy: 'Repeat it after `Retry-After`. As the operator: the list comes from the database, see `mintage doctor`.',
  },
  stopping: {
    happens: 'This instance was told to stop and takes nothing new.',
    remedy: 'Repeat it at once: another instance answers.',
  },
  internal: {
    happens: 'Something went wrong that nobody foresaw. Nothing about it is told outside.',
    remedy: 'Give `instance` or the header `X-Request-Id` to the operator: the log line with this id has the error.',
  },
}
