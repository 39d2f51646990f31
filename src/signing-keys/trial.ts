import { requireServiceWide } from '../access/authorize.ts'
import { type Change, change, unchanged } from '../access/change.ts'
import type { Permission } from '../access/permissions.ts'
import type { Principal } from '../access/principal.ts'
import { findSigningKeyUsage } from '../usage/queries.ts'
import { findAuthenticatedVerifiers } from '../verifiers/queries.ts'
import { requireRing } from './queries.ts'
import { activeKey, findKey, type KeySeries, keysOf, lifecycleOf, type Ring, type RingKey } from './ring.ts'
import { type RingChange, type RingServices, readSnapshot, ringLock } from './ring-change.ts'
import { verifierReadiness } from './verifier-readiness.ts'
import { type ReadinessView, readinessView } from './verifier-readiness-view.ts'

/** What a change of the ring would do. Times are RFC 3339 texts. */
export type RingTrial = {
  dryRun: true
  /** Which key signs now, and which one would. Null: none, or a new key that the change itself would create. */
  signsNow: string | null
  wouldSign: string | null
  /** From this time every verifier should hold the key that would sign. */
  safeAt: string | null
  /** The key would sign before that time: until then verifiers may refuse its tokens. */
  early: boolean
  /** Kids of the keys that would be revoked, with every token that they signed. */
  revoked: string[]
  /** When the last of those tokens expires by itself. Null: none is known. A few seconds behind. */
  tokensLiveUntil: string | null
  /** Which authenticated verifiers hold the key that would sign. Null: no other key would sign. */
  verifiers: ReadinessView | null
}

/** A dry run of `changeRing`: decides, rolls back, and says what the change would do. Throws what the change throws. */
export async function tryRing(
  services: RingServices,
  actor: Principal,
  permission: Permission,
  series: KeySeries,
  decide: (change: RingChange) => Promise<Change<unknown>>,
): Promise<RingTrial> {
  requireServiceWide(actor, permission)
  return await change(
    services,
    actor,
    permission,
    ringLock(services),
    async (tx, _, now) => {
      const attempt = { tx, now, config: services.config, known: { rows: await requireRing(tx) } }
      const before = (await readSnapshot(attempt)).ring
      await decide(attempt)
      return unchanged(await trialOf(attempt, series, before))
    },
    { dryRun: true },
  )
}

async function trialOf(attempt: RingChange, series: KeySeries, before: Ring): Promise<RingTrial> {
  const { tx, now } = attempt
  const after = (await readSnapshot(attempt)).ring
  const signsNow = activeKey(before, series, now)
  const wouldSign = signingAfter(after, series, now)
  const isOther = wouldSign !== undefined && wouldSign.kid !== signsNow?.kid
  const safeAt = wouldSign && lifecycleOf(after, wouldSign, now).safeAt
  const revoked = keysOf(after, series)
    .filter(({ kid, revokedAt }) => revokedAt !== null && findKey(before, kid)?.revokedAt === null)
    .map(({ kid }) => kid)
  return {
    dryRun: true,
    signsNow: signsNow?.kid ?? null,
    wouldSign: (wouldSign && findKey(before, wouldSign.kid)?.kid) ?? null,
    safeAt: safeAt?.toISOString() ?? null,
    early: isOther && safeAt !== undefined && now < safeAt,
    revoked,
    tokensLiveUntil: await lastExpiryOf(attempt, series.purpose === 'token' ? revoked : []),
    verifiers:
      isOther && series.purpose === 'token'
        ? readinessView(verifierReadiness(await findAuthenticatedVerifiers(tx, now), wouldSign.kid, now))
        : null,
  }
}

/** On a clock that has not moved since the previous activation, the new key becomes active a millisecond from now. */
function signingAfter(after: Ring, series: KeySeries, now: Date): RingKey | undefined {
  return activeKey(after, series, new Date(now.getTime() + 1)) ?? activeKey(after, series, now)
}

async function lastExpiryOf({ tx, now }: RingChange, kids: readonly string[]): Promise<string | null> {
  const expiries = (await findSigningKeyUsage(tx, kids)).map(({ lastExpiresAt }) => lastExpiresAt.getTime())
  const last = Math.max(0, ...expiries)
  return last > now.getTime() ? new Date(last).toISOString() : null
}
