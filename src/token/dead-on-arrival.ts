import { ServiceError } from '../errors.ts'
import type { RevocableToken } from '../kit/revocation/revocation-list.ts'
import type { KnownRule } from '../revocation/service-list.ts'
import type { Services } from '../services.ts'

type Arrival = Pick<Services, 'revocations' | 'now'>

/**
 * Refuses a token that the revocation list already covers: every verifier would refuse it for its whole lifetime.
 *
 * - A closed rule, for example after a key was enabled again, covers tokens issued until a certain second. Throws
 *   `tokens_not_usable_yet`, with the time until then.
 * - An open rule covers every token. Reads the list again first, because another instance may have closed the rule.
 *   Then throws what `refusal` gives, or `keyring_unavailable` if the rule is about the signing key.
 *
 * Uses what this process has read, so it neither waits nor fails while no rule covers the token. The caller has read
 * every rule that was there when the API key was looked up. A later rule is not found: then the token is issued, and
 * refused where it arrives.
 */
export function refuseDeadToken(
  services: Arrival,
  token: RevocableToken,
  refusal: () => ServiceError,
): undefined | Promise<void> {
  const rules = services.revocations.knownRulesOn(token)
  if (rules.length === 0) return undefined
  if (rules.every(isClosed)) throw notUsableYet(rules, services.now())
  return refuseAfterReading(services, token, refusal)
}

async function refuseAfterReading(services: Arrival, token: RevocableToken, refusal: () => ServiceError) {
  try {
    await services.revocations.refresh()
  } catch (cause) {
    throw new ServiceError('revocations_unavailable', { cause })
  }
  const rules = services.revocations.knownRulesOn(token)
  if (rules.length === 0) return
  if (rules.every(isClosed)) throw notUsableYet(rules, services.now())
  if (rules.some(({ kind }) => kind === 'signing_key'))
    throw new ServiceError('keyring_unavailable', { reason: `the signing key ${token.kid} is on the revocation list` })
  throw refusal()
}

type ClosedRule = KnownRule & { readonly issuedBefore: number }

function isClosed(rule: KnownRule): rule is ClosedRule {
  return rule.issuedBefore !== null
}

/** A rule covers the whole second of its `issuedBefore`, so tokens of the second after it are usable. */
function notUsableYet(rules: readonly ClosedRule[], now: Date): ServiceError {
  const lastDead = Math.max(...rules.map(({ issuedBefore }) => Math.ceil(issuedBefore)))
  const retryAfterSeconds = Math.max(1, Math.ceil(lastDead + 1 - now.getTime() / 1000))
  return new ServiceError('tokens_not_usable_yet', { retryAfterSeconds })
}
