import type { IndexedRule } from './rule-index.ts'
import type { RuleEffect } from './rules.ts'

/** `typ` of the JWS (RFC 7515 §4.1.9): names the format, also in the issuer's metadata. Another one gets another URL. */
export const feedType = 'mintage-revocations-v2+jwt'

/**
 * In this order: effectiveAt, issuedBefore, expiresAt, maxVersion, minVersion. Times are seconds since 1970. Null means
 * the same as in `RevocationRule`. A minVersion of null is left out. A reader that does not know minVersion revokes
 * more: also the versions before it.
 */
type FeedRule = readonly [number | null, number | null, number | null, number | null, number?]

/** The payload of the feed. It is a public interface, described in docs/revocation.md. */
export type FeedClaims = {
  readonly iss: string
  /** When the service read its list, in seconds since 1970, fractions allowed. Shows how fresh the document is. */
  readonly iat: number
  /** When the service itself stops using what it had read, in seconds since 1970. */
  readonly exp: number
  /** Grows when the database is restored; never falls. */
  readonly generation: number
  /**
   * The number of the last change. Within a generation, the document with the higher number has every change that the
   * other has.
   */
  readonly sequence: number
  /**
   * Present in a delta, which has every change after this number: apply it only to a list of the same generation that
   * has at least this number. Absent in a document with all rules.
   */
  readonly since?: number
  /** All rules of each name, by the hash of the name. In a delta, an empty array removes the name. */
  readonly rules: Readonly<Record<string, readonly FeedRule[]>>
}

/** The document cannot be trusted. The list keeps its rules, and ages. */
export class FeedRefused extends Error {
  constructor(reason: string) {
    super(`the revocation feed was refused: ${reason}`)
    this.name = 'FeedRefused'
  }
}

export function feedRule({ effectiveAt, issuedBefore, expiresAt, maxVersion, minVersion }: RuleEffect): FeedRule {
  const rule = [effectiveAt, issuedBefore, expiresAt, maxVersion] as const
  return minVersion === null ? rule : [...rule, minVersion]
}

/**
 * Checks the payload of a document whose signature was verified: its issuer, its times by the reader's clock, and its
 * shape. Throws `FeedRefused`. Does not check that the document is newer than the list: the caller compares them.
 */
export function readFeedClaims(
  payload: unknown,
  expected: { issuer: string; now: number; clockToleranceSeconds: number },
): { claims: FeedClaims; rules: ReadonlyMap<string, readonly IndexedRule[]> } {
  if (!isFeedClaims(payload)) throw new FeedRefused('it does not have the shape of a feed')
  if (payload.iss !== expected.issuer) throw new FeedRefused('it is from another issuer')
  if (payload.iat > expected.now + expected.clockToleranceSeconds) throw new FeedRefused('it is from the future')
  if (payload.exp + expected.clockToleranceSeconds <= expected.now) throw new FeedRefused('it has expired')
  const rules = new Map<string, IndexedRule[]>()
  for (const [name, list] of Object.entries(payload.rules)) {
    if (!/^[\w-]{22}$/.test(name) || !Array.isArray(list)) throw new FeedRefused('it holds a malformed name')
    rules.set(name, list.map(indexedRule))
  }
  return { claims: payload, rules }
}

function isFeedClaims(payload: unknown): payload is FeedClaims {
  if (typeof payload !== 'object' || payload === null) return false
  const { iss, iat, exp, generation, sequence, since, rules } = payload as Partial<Record<keyof FeedClaims, unknown>>
  return (
    typeof iss === 'string' &&
    Number.isFinite(iat) &&
    Number.isFinite(exp) &&
    Number.isSafeInteger(generation) &&
    isSequence(sequence) &&
    (since === undefined || isSequence(since)) &&
    typeof rules === 'object' &&
    rules !== null &&
    !Array.isArray(rules)
  )
}

function isSequence(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function indexedRule(rule: unknown): IndexedRule {
  if (!Array.isArray(rule)) throw new FeedRefused('it holds a malformed rule')
  const [effectiveAt, issuedBefore, expiresAt, maxVersion, minVersion = null]: unknown[] = rule
  if (
    !isNumberOrNull(effectiveAt) ||
    !isNumberOrNull(issuedBefore) ||
    !isNumberOrNull(expiresAt) ||
    !isNumberOrNull(maxVersion) ||
    !isNumberOrNull(minVersion)
  ) {
    throw new FeedRefused('it holds a malformed rule')
  }
  return { id: '', effectiveAt, issuedBefore, expiresAt, maxVersion, minVersion }
}

function isNumberOrNull(value: unknown): value is number | null {
  return value === null || (typeof value === 'number' && Number.isFinite(value))
}
