import { maintainApiKeys } from './api-keys/maintenance.ts'
import { keepCheckpoints } from './audit/checkpoints.ts'
import { randomToken } from './crypto/random.ts'
import { acquireLease, type Lease, LeaseLostError, releaseLease } from './db/leases.ts'
import { tidyEmbedded } from './db/tidy.ts'
import { pruneIdempotencyKeys } from './idempotency/queries.ts'
import { backoffMilliseconds } from './kit/backoff.ts'
import { pruneRevocations } from './revocation/maintenance-queries.ts'
import type { Services } from './services.ts'
import { bringForwardWhenReady } from './signing-keys/bring-forward.ts'
import { maintainSigningKeys, nextMaintenanceAt } from './signing-keys/maintenance.ts'
import { forgetVerifiers } from './verifiers/operations.ts'

/** Longer than any run takes. A holder that needs more has died or was paused, and the fence refuses its next write. */
const leaseSeconds = 15

/** In this order: the key ring comes first. A task runs even if an earlier one failed. */
const tasks: readonly ((services: Services, lease: Lease) => Promise<unknown>)[] = [
  maintainSigningKeys,
  bringForwardWhenReady,
  ({ db, now }) => pruneRevocations(db, now()),
  maintainApiKeys,
  ({ db, now }) => pruneIdempotencyKeys(db, now()),
  forgetVerifiers,
  keepCheckpoints,
  ({ database }) => tidyEmbedded(database),
]

/**
 * Runs the regular tasks, on one instance at a time. A timer starts it on Node, and cron on Workers. Every task is safe
 * to repeat. If a run is killed, the next one continues where it stopped. Returns false when another instance holds the
 * lease. Throws an AggregateError of all failures, after every task was tried.
 */
export async function runMaintenance(services: Services): Promise<boolean> {
  const { db, now, log } = services
  const lease = await acquireLease(db, { name: 'maintenance', holder: randomToken(), seconds: leaseSeconds }, now())
  if (!lease) return false
  try {
    await runTasks(services, lease)
    return true
  } catch (error) {
    if (!(error instanceof LeaseLostError)) throw error
    log('warn', 'maintenance_superseded', { fence: lease.fence })
    return false
  } finally {
    await releaseLease(db, lease, now()).catch(() => {}) // a lease that is not released expires
  }
}

/** Throws `LeaseLostError` at once, and an AggregateError of all other failures at the end. */
async function runTasks(services: Services, lease: Lease): Promise<void> {
  const failures: unknown[] = []
  for (const task of tasks) {
    await task(services, lease).catch((error: unknown) => {
      if (error instanceof LeaseLostError) throw error
      failures.push(error)
    })
  }
  if (failures.length > 0)
    throw new AggregateError(failures, `maintenance: ${failures.length} of ${tasks.length} tasks failed`)
}

const longestPauseMilliseconds = 60_000
/** Gives the instance that holds the lease time to finish what is due. */
const dueMilliseconds = 1000
/** Gives what failed time to recover. */
const retryPauses = { first: 1000, longest: 30_000 }

/**
 * Runs maintenance at once, after each activation of a signing key, and at least once a minute. Stops when the returned
 * function is called, which waits for a run in progress. A failed run is logged and tried again, after pauses that
 * grow to half a minute. A late run does no
 * harm: keys rotate by time, not by timer.
 */
export function startMaintenance(services: Services): () => Promise<void> {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running = Promise.resolve()
  let failures = 0
  const run = async () => {
    const pause = await runAndPlan(services)
    failures = pause === undefined ? failures + 1 : 0
    if (!stopped) schedule(pause ?? backoffMilliseconds(failures, retryPauses))
  }
  const schedule = (pause: number) => {
    timer = setTimeout(() => {
      running = run()
    }, pause)
    timer.unref()
  }
  schedule(0)
  return async () => {
    stopped = true
    clearTimeout(timer)
    await running
  }
}

/**
 * Runs maintenance and returns how many milliseconds to wait before the next run; undefined if it failed. Never throws.
 */
async function runAndPlan(services: Services): Promise<number | undefined> {
  try {
    await runMaintenance(services)
    return pauseUntil(await nextMaintenanceAt(services), services.now())
  } catch (error) {
    services.log('error', 'maintenance_failed', { error })
    return undefined
  }
}

/** A little later than the activation itself, and not at the same moment on all instances. */
function pauseUntil(due: Date, now: Date): number {
  const wait = due.getTime() - now.getTime()
  const pause = wait > 0 ? wait + 5 + Math.random() * 50 : dueMilliseconds
  return Math.min(pause, longestPauseMilliseconds)
}
