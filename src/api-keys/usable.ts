import { isAddressAllowed } from '../access/cidr.ts'
import type { ApiKeyRecord } from './lookup.ts'
import { type ApiKeyStatus, apiKeyStatus } from './status.ts'

/** Why a key may not be used. All refusals look the same to the caller; the reason goes to logs and counters. */
export type ApiKeyRefusal =
  | Exclude<ApiKeyStatus, 'usable'>
  | 'malformed'
  | 'client_mismatch'
  | 'address_not_allowed'
  | 'address_unknown'

type PresentedUse = {
  /** Client id that was sent with the secret; it must be the key's (RFC 6749 §2.3.1). Undefined = none was sent. */
  readonly clientId: string | undefined
  /** Where the key is used from; null = not known. 'not_checked' = the caller is not the one who uses the key. */
  readonly address: string | null | 'not_checked'
}

/**
 * The one place that decides whether a key may be used: the record itself, or the reason why not. Pure and synchronous,
 * so a refusal takes as long as an acceptance. Does not check scopes, roles or limits.
 */
export function usableApiKey(
  found: ApiKeyRecord | 'malformed' | undefined,
  { clientId, address }: PresentedUse,
  now: Date,
): ApiKeyRecord | ApiKeyRefusal {
  if (found === 'malformed') return 'malformed'
  if (!found) return 'unknown'
  const status = apiKeyStatus(found, now)
  if (status !== 'usable') return status
  if (clientId !== undefined && clientId !== found.id) return 'client_mismatch'
  if (address !== 'not_checked' && !isAddressAllowed(found, address))
    return address === null ? 'address_unknown' : 'address_not_allowed'
  return found
}
