import { invalidRequest } from '../errors.ts'
import type { RevocationKind } from '../kit/revocation/revocation-list.ts'
import type { Because } from '../revocation/reasons.ts'
import type { NewRevocationRule } from '../revocation/rule-queries.ts'

/** What a caller may ask of the revocation list directly. Keys are better revoked as keys: then they stop exchanging too. */
export type RuleInput = Because & {
  readonly kind: RevocationKind
  /** jti · client_id · `org_id sub` joined by one space · org_id · kid · `*`. */
  readonly value: string
  /** `api_key` only: tokens of versions up to this one. */
  readonly maxVersion?: number | undefined
  /** Tokens issued until then die. Null = whenever issued. Absent = until the rule takes effect, but for a token or a signing key: those die whole. */
  readonly issuedBefore?: Date | null | undefined
  /** Absent = now. */
  readonly effectiveAt?: Date | undefined
}

/** A rule without its organization and its creator, which the caller adds. */
export type RuleDraft = Omit<NewRevocationRule, 'organizationId' | 'actor'>

/**
 * The rule as it will be on the list. If its name can still get new tokens, it never expires by itself, because these
 * tokens would become valid again. Any other rule expires when every token that it covers has expired. A thief of a
 * signing key chooses `iat` and `exp`, so the rule on a signing key has no times. Throws `invalid_request`. Does not
 * check that the name exists or to whom it belongs.
 */
export function draftRule(input: RuleInput, now: Date): RuleDraft {
  const { kind, value, maxVersion, effectiveAt = now, reason, text: reasonText } = input
  if (effectiveAt < now) throw invalidRequest('effectiveAt is in the past.')
  if (maxVersion !== undefined && kind !== 'api_key')
    throw invalidRequest('maxVersion belongs to rules about an api_key only.')
  if (kind === 'all' && value !== '*') throw invalidRequest('The value of a rule about all is *.')
  if (kind === 'subject' && !/^\S+ ./u.test(value))
    throw invalidRequest(
      'The value of a rule about a subject is the id of its organization, one space, and the subject.',
    )
  const version = maxVersion === undefined ? {} : { maxVersion }
  const draft = { kind, value, ...version, effectiveAt, reason, reasonText }
  if (kind === 'token' || kind === 'signing_key') {
    if (input.issuedBefore)
      throw invalidRequest('issuedBefore does not belong to a rule about a token or a signing_key: they die whole.')
    return { ...draft, expires: kind === 'token' ? 'when_dead' : 'never' }
  }
  if (input.issuedBefore === null) return { ...draft, expires: 'never' }
  const { issuedBefore = effectiveAt } = input
  if (issuedBefore > effectiveAt) throw invalidRequest('issuedBefore is later than effectiveAt.')
  return { ...draft, issuedBefore, expires: 'when_dead' }
}
