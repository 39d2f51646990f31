import { pruneRevocations } from './revocation/queries.ts'
import type { Services } from './services.ts'
import { maintainSigningKeys } from './signing-keys/operations.ts'

/** What has to be done now and then, by whoever comes first: each step is safe to repeat and to do twice at once. */
export async function runMaintenance(services: Services): Promise<void> {
  await maintainSigningKeys(services)
  await pruneRevocations(services.db, services.now())
}

const everyMilliseconds = 60_000

/** Runs maintenance once a minute until the returned function is called, which waits for a run under way. A failed run is logged and tried again. */
export function startMaintenance(services: Services): () => Promise<void> {
  let running = Promise.resolve()
  const run = () => {
    running = running.then(() => runMaintenance(services)).catch((error: unknown) => services.log('error', 'maintenance_failed', { error }))
  }
  const timer = setInterval(run, everyMilliseconds)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await running
  }
}
