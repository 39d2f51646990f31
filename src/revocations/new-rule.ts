import { invalidRequest } from '../errors.ts'
import type { RevocationKind } from '../kit/revocation/revocation-list.ts'
import type { Because } from '../revocation/reasons.ts'
import type { NewRevocationRule } from '../revocation/rule-queries.ts'

/**
 * A rule that a caller wants to add directly. To stop an API key, revoke the key instead: then it also gets no new
 * tokens.
 */
export type RuleInput = Because & {
  readonly kind: RevocationKind
  /** jti · client_id · `org_id sub` joined by one space · org_id · kid · `*`. */
  readonly value: string
  /** `api_key` only: tokens of versions up to this one. */
  readonly maxVersion?: number | undefined
  /** `api_key` only: tokens of versions from this one on. */
  readonly minVersion?: number | undefined
  /**
   * Covers tokens issued until then. Null = whenever issued. Absent = until the rule takes effect. A rule about a token
   * or a signing key always covers everything.
   */
  readonly issuedBefore?: Date | null | undefined
  /** Absent = now. */
  readonly effectiveAt?: Date | undefined
}

/** A rule before the caller adds its organization and creator. */
export type RuleDraft = Omit<NewRevocationRule, 'organizationId' | 'actor'>

/**
 * Builds the rule as it will be on the list. With `issuedBefore: null` it also covers future tokens, so it never
 * expires. Any other rule expires when every token that it covers has expired. A thief of a signing key can choose
 * `iat` and `exp`, so a rule about a signing key has no times and never expires. Throws `invalid_request`. Does not
 * check that the name exists or who owns it.
 */
export function draftRule(input: RuleInput, now: Date): RuleDraft {
  const { kind, value, minVersion, maxVersion, reason, text: reasonText } = input
  const inForceAt = input.effectiveAt ?? now
  if (inForceAt < now) throw invalidRequest('effectiveAt is in the past. Leave it out to revoke now.')
  if (maxVersion !== undefined && kind !== 'api_key')
    throw invalidRequest('maxVersion is only for rules about an api_key. Leave it out.')
  if (minVersion !== undefined && kind !== 'api_key')
    throw invalidRequest('minVersion is only for rules about an api_key. Leave it out.')
  if (minVersion !== undefined && maxVersion !== undefined && minVersion > maxVersion)
    throw invalidRequest('minVersion must not be greater than maxVersion: the rule would cover nothing.')
  if (kind === 'all' && value !== '*') throw invalidRequest('value must be * for the kind all.')
  if (kind === 'subject' && !/^\S+ ./u.test(value))
    throw invalidRequest(
      'The value of a rule about a subject must be the id of its organization, one space, and the subject.',
    )
  const versions = { ...(minVersion !== undefined && { minVersion }), ...(maxVersion !== undefined && { maxVersion }) }
  const effectiveAt = inForceAt > now ? inForceAt : undefined
  const draft = { kind, value, ...versions, effectiveAt, reason, reasonText }
  if (kind === 'token' || kind === 'signing_key') {
    if (input.issuedBefore)
      throw invalidRequest(
        'issuedBefore is not allowed for a token or a signing_key: the rule always covers everything. Leave it out.',
      )
    return { ...draft, expires: kind === 'token' ? 'when_dead' : 'never' }
  }
  if (input.issuedBefore === null) return { ...draft, expires: 'never' }
  const { issuedBefore = inForceAt } = input
  if (issuedBefore > inForceAt) throw invalidRequest('issuedBefore must not be later than effectiveAt.')
  return { ...draft, issuedBefore, expires: 'when_dead' }
}
