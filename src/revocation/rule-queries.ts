import { and, eq, inArray, isNull, type SQL, sql } from 'drizzle-orm'
import { newId } from '../crypto/random.ts'
import type { Db } from '../db/database.ts'
import { revocationState, revocations } from '../db/schema.ts'
import type { RevocationKind } from '../kit/revocation/revocation-list.ts'
import { lastCoveredIssue } from '../kit/revocation/rules.ts'

export type NewRevocationRule = {
  /** From `newRuleId`, if the caller stores it with what the rule switches off. */
  id?: string | undefined
  kind: RevocationKind
  /** jti · client_id · `org_id sub` joined by one space · org_id · kid · `*`. */
  value: string
  /** `api_key` only: covers versions up to this one. */
  maxVersion?: number
  /** `api_key` only: covers versions from this one on. */
  minVersion?: number
  /** Covers tokens issued until the end of this second. If left out, covers all tokens, whenever issued. */
  issuedBefore?: Date
  /** Only for a planned rule, from then on. Any other is in force because it is on the list. */
  effectiveAt?: Date | undefined
  /** `when_dead`: when every token that it covers has expired. If that time is unknown, the rule never expires. */
  expires: 'when_dead' | 'never'
  organizationId: string | null
  reason: string
  /** The caller's own explanation. */
  reasonText?: string | undefined
  /** Client id of the caller, or `system`. */
  actor: string
}

/**
 * Adds a rule to the list, in the transaction of the change that it belongs to. The statement computes the rule's
 * expiry from the largest token lifetime ever configured. It locks that lifetime, so that it cannot be raised in the
 * meantime. Returns the rule's id.
 */
export async function addRevocationRule(
  tx: Db,
  rule: NewRevocationRule,
  clockToleranceSeconds: number,
  now: Date,
): Promise<string> {
  const row = newRow(rule, clockToleranceSeconds, now)
  await tx.insert(revocations).values(row)
  return row.id
}

export function newRuleId(): string {
  return newId('rev')
}

/** Rules of one statement: it must not have more than 65,535 parameters. */
const mostInStatement = 1000

/** Like `addRevocationRule`, for many rules. Nobody else can write a rule until the transaction ends. */
export async function addRevocationRules(
  tx: Db,
  rules: readonly NewRevocationRule[],
  tolerance: number,
  now: Date,
): Promise<void> {
  for (let start = 0; start < rules.length; start += mostInStatement) {
    const rows = rules.slice(start, start + mostInStatement).map((rule) => newRow(rule, tolerance, now))
    await tx.insert(revocations).values(rows)
  }
}

/**
 * Lifts a rule: tokens that only this rule covered are valid again. Returns false if the rule was already lifted or
 * does not exist. The row stays until it is pruned, so that readers that poll see the change.
 */
export async function liftRevocationRule(tx: Db, id: string, now: Date): Promise<boolean> {
  const lifted = await tx
    .update(revocations)
    .set({ liftedAt: now })
    .where(and(eq(revocations.id, id), isNull(revocations.liftedAt)))
    .returning({ id: revocations.id })
  return lifted.length === 1
}

/**
 * Ends open rules, each by its id: earlier tokens stay revoked, later ones work. For the exact time see
 * `issuedBeforeAfterResume`. Returns those that
 * it closed.
 */
export async function closeOpenRules(tx: Db, ids: readonly string[], tolerance: number, now: Date) {
  const since = sql`coalesce(${revocations.effectiveAt}, ${revocations.createdAt})`
  const issuedBefore = sql`greatest(${instant(now)}, ${since} + ${interval(tolerance)})`
  return await tx
    .update(revocations)
    .set({ issuedBefore, expiresAt: withTokenLifetime(issuedBefore, tolerance) })
    .where(
      and(
        inArray(revocations.id, [...ids]),
        isNull(revocations.issuedBefore),
        isNull(revocations.expiresAt),
        isNull(revocations.liftedAt),
      ),
    )
    .returning({ value: revocations.value })
}

/**
 * For keys, or an organization, that are deleted: nothing issues a token of theirs any more, so their rules that would
 * never expire now end when every token that they cover has expired.
 */
export async function endLastingRules(
  tx: Db,
  about: { readonly apiKeyIds: readonly string[] } | { readonly organizationId: string },
  tolerance: number,
  now: Date,
): Promise<void> {
  const isAbout =
    'apiKeyIds' in about
      ? and(eq(revocations.kind, 'api_key'), inArray(revocations.value, [...about.apiKeyIds]))
      : eq(revocations.organizationId, about.organizationId)
  await tx
    .update(revocations)
    .set({ expiresAt: withTokenLifetime(instant(now), tolerance) })
    .where(and(isAbout, isNull(revocations.expiresAt), isNull(revocations.liftedAt)))
}

function newRow(rule: NewRevocationRule, tolerance: number, now: Date) {
  const {
    kind,
    value,
    minVersion = null,
    maxVersion = null,
    issuedBefore = null,
    effectiveAt = null,
    organizationId,
    reason,
    reasonText = null,
    actor,
  } = rule
  return {
    id: rule.id ?? newRuleId(),
    kind,
    value,
    minVersion: kind === 'api_key' ? minVersion : null,
    maxVersion: kind === 'api_key' ? maxVersion : null,
    issuedBefore: kind === 'signing_key' ? null : issuedBefore,
    effectiveAt,
    expiresAt:
      rule.expires === 'never' ? null : expiryOf({ kind, issuedBefore, inForceAt: effectiveAt ?? now }, tolerance),
    organizationId,
    reason,
    reasonText,
    actor,
    createdAt: now,
  }
}

function expiryOf(
  rule: { kind: RevocationKind; issuedBefore: Date | null; inForceAt: Date },
  tolerance: number,
): SQL | null {
  const issuedBefore = rule.issuedBefore ? rule.issuedBefore.getTime() / 1000 : null
  const lastIssue = lastCoveredIssue({ kind: rule.kind, issuedBefore, inForceAt: rule.inForceAt.getTime() / 1000 })
  return lastIssue === null ? null : withTokenLifetime(instant(new Date(lastIssue * 1000)), tolerance)
}

/** `issue` rounded up to a whole second, as in tokens, + the largest token lifetime + the tolerance. */
function withTokenLifetime(issue: SQL, tolerance: number): SQL {
  const lifetime = sql`make_interval(secs => ${revocationState.largestTokenTtlSeconds} + ${tolerance}::float8)`
  return sql`(select to_timestamp(ceil(extract(epoch from ${issue}))) + ${lifetime} from ${revocationState} for share)`
}

export function instant(date: Date): SQL {
  return sql`${date.toISOString()}::timestamptz`
}

export function interval(seconds: number): SQL {
  return sql`make_interval(secs => ${seconds}::float8)`
}
