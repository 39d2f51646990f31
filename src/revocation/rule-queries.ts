import { and, eq, inArray, isNotNull, isNull, type SQL, sql } from 'drizzle-orm'
import { newId } from '../crypto/random.ts'
import type { Db } from '../db/database.ts'
import { revocationState, revocations } from '../db/schema.ts'
import type { RevocationKind } from '../kit/revocation/revocation-list.ts'
import { lastCoveredIssue } from '../kit/revocation/rules.ts'

export type NewRevocationRule = {
  kind: RevocationKind
  /** jti · client_id · `org_id sub` joined by one space · org_id · kid · `*`. */
  value: string
  /** `api_key` only: covers versions up to this one. */
  maxVersion?: number
  /** `api_key` only: covers versions from this one on. */
  minVersion?: number
  /** Covers tokens issued until the end of this second. If left out, covers all tokens, whenever issued. */
  issuedBefore?: Date
  effectiveAt: Date
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
 * Lifts the rule by which a rotation ends the versions of a key up to `version`. Keeps rules with the same versions that
 * somebody added: those have a time of issue, or never expire. Returns false without such a rule: then something else
 * ended the versions. A rule that somebody lifted by hand counts.
 */
export async function liftRotationRule(
  tx: Db,
  rule: { apiKeyId: string; version: number; effectiveAt: Date },
  now: Date,
): Promise<boolean> {
  const lifted = await tx
    .update(revocations)
    .set({ liftedAt: sql`coalesce(${revocations.liftedAt}, ${instant(now)})` })
    .where(
      and(
        eq(revocations.kind, 'api_key'),
        eq(revocations.value, rule.apiKeyId),
        isNull(revocations.minVersion),
        eq(revocations.maxVersion, rule.version),
        eq(revocations.effectiveAt, rule.effectiveAt),
        eq(revocations.reason, 'rotated'),
        isNull(revocations.issuedBefore),
        isNotNull(revocations.expiresAt),
      ),
    )
    .returning({ id: revocations.id })
  return lifted.length > 0
}

/**
 * Ends the open rules of disabled keys or a suspended organization: earlier tokens stay revoked, later ones work. For
 * the exact time see `issuedBeforeAfterResume`. With `effectiveAt`, closes only rules with that time: enabling a key
 * must not end a rule that was added for another reason. Returns how many rules it closed.
 */
export async function closeOpenRules(
  tx: Db,
  names: { kind: 'api_key' | 'organization'; values: readonly string[]; effectiveAt?: Date },
  tolerance: number,
  now: Date,
) {
  const issuedBefore = sql`greatest(${instant(now)}, ${revocations.effectiveAt} + ${interval(tolerance)})`
  const closed = await tx
    .update(revocations)
    .set({ issuedBefore, expiresAt: withTokenLifetime(issuedBefore, tolerance) })
    .where(
      and(
        eq(revocations.kind, names.kind),
        inArray(revocations.value, [...names.values]),
        names.effectiveAt === undefined ? undefined : eq(revocations.effectiveAt, names.effectiveAt),
        isNull(revocations.issuedBefore),
        isNull(revocations.expiresAt),
        isNull(revocations.liftedAt),
      ),
    )
    .returning({ id: revocations.id })
  return closed.length
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
    effectiveAt,
    organizationId,
    reason,
    reasonText = null,
    actor,
  } = rule
  return {
    id: newId('rev'),
    kind,
    value,
    minVersion: kind === 'api_key' ? minVersion : null,
    maxVersion: kind === 'api_key' ? maxVersion : null,
    issuedBefore: kind === 'signing_key' ? null : issuedBefore,
    effectiveAt,
    expiresAt: rule.expires === 'never' ? null : expiryOf({ kind, issuedBefore, effectiveAt }, tolerance),
    organizationId,
    reason,
    reasonText,
    actor,
    createdAt: now,
  }
}

function expiryOf(
  rule: { kind: RevocationKind; issuedBefore: Date | null; effectiveAt: Date },
  tolerance: number,
): SQL | null {
  const issuedBefore = rule.issuedBefore ? rule.issuedBefore.getTime() / 1000 : null
  const lastIssue = lastCoveredIssue({ kind: rule.kind, issuedBefore, effectiveAt: rule.effectiveAt.getTime() / 1000 })
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
