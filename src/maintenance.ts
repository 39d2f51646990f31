import { maintainApiKeys } from './api-keys/maintenance.ts'
import { keepCheckpoints } from './audit/checkpoints.ts'
import { randomToken } from './crypto/random.ts'
import { acquireLease, type Lease, LeaseLostError, releaseLease } from './db/leases.ts'
import { tidyEmbedded } from './db/tidy.ts'
import { pruneIdempotencyKeys } from './idempotency/queries.ts'
import { pruneRevocations } from './revocation/maintenance-queries.ts'
import type { Services } from './services.ts'
import { bringForwardWhenReady } from './signing-keys/bring-forward.ts'
import { maintainSigningKeys, nextUpkeepAt } from './signing-keys/maintenance.ts'
import { forgetVerifiers } from './verifiers/operations.ts'

/** Longer than any run takes: a holder that needs more has died or sleeps, and its next write runs into the fence. */
const leaseSeconds = 15

/** In this order; the ring comes first, and none waits for another to succeed. */
const chores: readonly ((services: Services, lease: Lease) => Promise<unknown>)[] = [
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
 * What has to be done now and then, by one of all instances: on Node by timer, on Workers by cron. Each chore is safe to repeat, so that
 * whoever comes next goes on where one that was killed stopped. False when another instance is at it. Throws an AggregateError of what
 * failed, after everything was tried.
 */
export async function runMaintenance(services: Services): Promise<boolean> {
  const { db, now, log } = services
  const lease = await acquireLease(db, { name: 'maintenance', holder: randomToken(), seconds: leaseSeconds }, now())
  if (!lease) return false
  const failures: unknown[] = []
  try {
    for (const chore of chores) {
      await chore(services, lease).catch((error: unknown) => failures.push(error))
      if (failures.at(-1) instanceof LeaseLostError) break
    }
  } finally {
    // Not given back it ends by itself.
    await releaseLease(db, lease, now()).catch(() => {})
  }
  if (failures.at(-1) instanceof LeaseLostError) {
    log('warn', 'maintenance_superseded', { fence: lease.fence })
    return false
  }
  if (failures.length > 0)
    throw new AggregateError(failures, `maintenance: ${failures.length} of ${chores.length} chores failed`)
  return true
}

const longestPauseMilliseconds = 60_000
/** Until another instance, which has the lease, may have done what is due; or until the database may answer again. */
const retryMilliseconds = 1000

/**
 * Runs maintenance at once, whenever the ring turns, and once a minute, until the returned function is called, which waits for a run under
 * way. A failed run is logged and tried again. That it comes late does no harm: time turns the ring, not the timer.
 */
export function startMaintenance(services: Services): () => Promise<void> {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running = Promise.resolve()
  const run = async () => {
    let pause = retryMilliseconds
    try {
      await runMaintenance(services)
      pause = pauseUntil(await nextUpkeepAt(services), services.now())
    } catch (error) {
      services.log('error', 'maintenance_failed', { error })
    }
    if (!stopped) schedule(pause)
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

/** A little later than the turn itself, and not all instances at once. */
function pauseUntil(due: Date, now: Date): number {
  const wait = due.getTime() - now.getTime()
  const pause = wait > 0 ? wait + 5 + Math.random() * 50 : retryMilliseconds
  return Math.min(pause, longestPauseMilliseconds)
}
