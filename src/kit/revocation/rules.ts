import type { RevocableToken, RevocationKind, RevocationRule } from './revocation-list.ts'

/**
 * What a rule does to the tokens of its name. A list keeps only this in memory, by name. Times are as in
 * `RevocationRule`.
 */
export type RuleEffect = Pick<
  RevocationRule,
  'minVersion' | 'maxVersion' | 'issuedBefore' | 'effectiveAt' | 'expiresAt'
>

/**
 * Whether the rule revokes the token at `now` (seconds since 1970). Does not check `expiresAt`: a rule that stays too
 * long does no harm, but one that is dropped too early does.
 */
export function covers(rule: RevocationRule, token: RevocableToken, now: number): boolean {
  return namesOfToken(token).includes(ruleName(rule.kind, rule.value)) && strikes(effectOf(rule), token, now)
}

/**
 * Like `covers`, for a token that is known to have the rule's name. Only a planned rule is compared with `now`: any
 * other is in force because it is on the list, whatever the clocks say. `iat` has whole seconds, so `issuedBefore` T covers
 * the whole second: `iat <= ceil(T)`. The comparisons are written so that NaN counts as covered.
 */
export function strikes(effect: RuleEffect, token: RevocableToken, now: number): boolean {
  if (effect.effectiveAt !== null && effect.effectiveAt > now) return false
  if (effect.maxVersion !== null && token.keyVersion > effect.maxVersion) return false
  if (effect.minVersion !== null && token.keyVersion < effect.minVersion) return false
  return effect.issuedBefore === null || !(token.issuedAt > Math.ceil(effect.issuedBefore))
}

/**
 * A `signing_key` rule is always open and never expires, because a thief of the private key chooses `iat` and `exp`.
 * Only an `api_key` rule can be limited to versions.
 */
export function effectOf(rule: RevocationRule): RuleEffect {
  const { kind, minVersion, maxVersion, issuedBefore, effectiveAt, expiresAt } = rule
  if (kind === 'api_key') return { minVersion, maxVersion, issuedBefore, effectiveAt, expiresAt }
  const unlimited = { minVersion: null, maxVersion: null, effectiveAt }
  return kind === 'signing_key'
    ? { ...unlimited, issuedBefore: null, expiresAt: null }
    : { ...unlimited, issuedBefore, expiresAt }
}

/** The name by which rules are found. No kind has a colon, so equal names have equal kinds and values. */
export function ruleName(kind: string, value: string): string {
  return `${kind}:${value}`
}

/**
 * Every name that a rule on this token can have. An organization id contains no space, so `org_id sub` is unambiguous.
 */
export function namesOfToken(token: RevocableToken): readonly string[] {
  return [
    ruleName('token', token.jti),
    ruleName('api_key', token.clientId),
    ruleName('subject', subjectValue(token.organizationId, token.subject)),
    ruleName('organization', token.organizationId),
    ruleName('signing_key', token.kid),
    'all:*',
  ]
}

/** The value of a `subject` rule. Each subject belongs to one organization. */
export function subjectValue(organizationId: string, subject: string): string {
  return `${organizationId} ${subject}`
}

/**
 * The last second in which a token that the rule covers can be issued, or in which somebody may still check one. The
 * rule can be deleted once such a token has expired. `inForceAt`: when a planned rule takes effect, or when any other
 * was written. Null = the rule must stay, because covered tokens may still be issued: an open rule on a subject, an
 * organization or everything, or a rule on a signing key.
 */
export function lastCoveredIssue(rule: {
  kind: RevocationKind
  issuedBefore: number | null
  inForceAt: number
}): number | null {
  switch (rule.kind) {
    case 'signing_key':
      return null
    case 'token':
    case 'api_key':
      return Math.ceil(Math.max(rule.issuedBefore ?? rule.inForceAt, rule.inForceAt))
    case 'subject':
    case 'organization':
    case 'all':
      return rule.issuedBefore === null ? null : Math.ceil(Math.max(rule.issuedBefore, rule.inForceAt))
    default:
      return rule.kind satisfies never
  }
}

/**
 * The `issuedBefore` of a rule that was open until the key was enabled or the organization resumed. Earlier tokens stay
 * revoked, even those from a clock that is ahead. Seconds since 1970.
 */
export function issuedBeforeAfterResume(suspendedAt: number, now: number, clockToleranceSeconds: number): number {
  return Math.max(now, suspendedAt + clockToleranceSeconds)
}
