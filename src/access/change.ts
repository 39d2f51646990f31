import { appendAuditEvents } from '../audit/append-queries.ts'
import type { AuditContexts, AuditEventType } from '../audit/events.ts'
import type { Db } from '../db/database.ts'
import { tryInTransaction } from '../db/trial.ts'
import { ServiceError } from '../errors.ts'
import { refreshAfterCommit } from '../revocation/refresh-after-commit.ts'
import type { Services } from '../services.ts'
import { about } from './about.ts'
import { authorize, type Within } from './authorize.ts'
import { refuseRevokedCaller } from './caller-token.ts'
import type { Permission } from './permissions.ts'
import { requireExpectedRevision } from './precondition.ts'
import type { Principal } from './principal.ts'

export type ChangeServices = Pick<Services, 'log' | 'now' | 'revocations' | 'transaction'>

/** Given in place of a permission: a key's holder may rotate and revoke that key, whatever its roles. */
export const keyHolder = Symbol('the holder of the key')

/** The input of a lock. `within` is where the actor may use the permission. */
export type Attempt = {
  readonly tx: Db
  readonly actor: Principal
  readonly within: Within
  /** When the operation began. What another change wrote while this one waited for a lock may be later. */
  readonly now: Date
  /** Reads the clock, for a lock that keeps changes and their times in one order. */
  readonly clock: () => Date
}

/** A locked thing. Its events are about this `organizationId` and `subject` unless they name others. */
type Locked<Thing> = {
  readonly thing: Thing
  readonly organizationId: string | null
  readonly subject: string | null
  /** Compared with `If-Match`. */
  readonly revision?: number
  /**
   * The time of the change, for a lock that keeps changes and their times in one order. Absent = when the operation
   * began.
   */
  readonly now?: Date
}

/**
 * Locks a thing and runs the work. May check afterwards what the work did. Throws `not_found` for a thing that does not
 * exist or that the actor may not touch: both look the same. Refuses a thing that it has found within `about`.
 */
export type Lock<Thing> = <Result>(
  attempt: Attempt,
  work: (locked: Locked<Thing>) => Promise<Result>,
) => Promise<Result>

/** The parts of an event that the gate does not know. `organizationId` and `subject` default to those of the lock. */
export type ChangeEvent = {
  [Type in AuditEventType]: {
    readonly type: Type
    readonly context: Readonly<AuditContexts[Type]>
    readonly organizationId?: string | null
    readonly subject?: string
    readonly reason?: string
  }
}[AuditEventType]

/** The result of a change: the view for the caller, and the events. */
export type Change<View> =
  | { readonly view: View; readonly event: ChangeEvent }
  | { readonly view: View; readonly events: readonly [ChangeEvent, ...ChangeEvent[]] }
  | Unchanged<View>

type Unchanged<View> = { readonly view: View; readonly unchanged: true }

/** The only change without an event: the thing is already in the requested state, and nothing was written. */
export function unchanged<View>(view: View): Unchanged<View> {
  return { view, unchanged: true }
}

type ChangeOptions = { readonly now?: Date; readonly dryRun?: boolean }

/**
 * The one gate for changes. Authorizes the actor, opens the transaction (which also claims the request's
 * Idempotency-Key), locks the thing, compares its revision and runs `decide`. Appends the events last, because the
 * audit trail stays locked until the commit. Refuses a caller whose access token was revoked meanwhile. Returns the
 * view. After the commit this process knows the new revocation rules.
 *
 * `now` is for an operation that has already read the clock, so that it uses one time throughout. A `dryRun` does the
 * same and rolls back, so it refuses what the change itself would refuse, and writes nothing. Throws
 * `permission_denied`, `not_found`, `precondition_failed`, `api_key_rejected`, and what the lock and `decide` throw.
 * Then nothing was written. Does not check that `decide` writes only to what is locked.
 *
 * @example return await change(services, actor, 'plans.change', lockPlan(name), async (tx, plan) => {
 *   const updated = await updatePlanRow(tx, plan.name, limits)
 *   return { view: planView(updated), event: { type: 'plan.updated', context: limits } }
 * })
 */
export async function change<Thing, View>(
  services: ChangeServices,
  actor: Principal,
  permission: Permission | typeof keyHolder,
  lock: Lock<Thing>,
  decide: (tx: Db, thing: Thing, now: Date, within: Within) => Promise<Change<View>>,
  { now: began = services.now(), dryRun = false }: ChangeOptions = {},
): Promise<View> {
  const within = permission === keyHolder ? ownOrganization(actor) : authorize(actor, permission)
  const run = async (tx: Db) => {
    let reached: Locked<Thing> | undefined
    const work = async (locked: Locked<Thing>) => {
      const { thing, revision, now = began } = locked
      reached = locked
      requireExpectedRevision(actor, revision)
      return { change: await decide(tx, thing, now, within), locked, now }
    }
    const done = await about(
      () => reached,
      () => lock({ tx, actor, within, now: began, clock: services.now }, work),
    )
    const { organizationId, subject } = done.locked
    const events = eventsOf(done.change).map((event) => ({ organizationId, subject, ...event, actor }))
    await appendAuditEvents(tx, events, done.now)
    await refuseRevokedCaller(tx, actor, services.now())
    return done.change.view
  }
  if (dryRun) return await tryInTransaction(services.transaction, run)
  const view = await services.transaction(run)
  if (permission === keyHolder || addingRules.has(permission)) await refreshAfterCommit(services)
  return view
}

/** Permissions whose changes may add, close or lift revocation rules. */
const addingRules: ReadonlySet<Permission> = new Set<Permission>([
  ...(['organizations.suspend', 'organizations.delete'] as const),
  ...(['service_accounts.disable', 'service_accounts.delete', 'api_keys.delete'] as const),
  ...(['api_keys.update', 'api_keys.rotate', 'api_keys.disable', 'api_keys.revoke'] as const),
  ...(['revocations.create', 'revocations.create_service_wide', 'revocations.lift'] as const),
  ...(['signing_keys.rotate', 'signing_keys.replace'] as const),
])

function eventsOf(change: Change<unknown>): readonly ChangeEvent[] {
  if ('unchanged' in change) return []
  return 'events' in change ? change.events : [change.event]
}

function ownOrganization({ organizationId }: Principal): Within {
  if (organizationId === null) throw new ServiceError('permission_denied', { reason: 'not the holder of an API key' })
  return { organizationId }
}
