import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import { type Budget, createBudget, unavailable, withinDeadline } from '../../db/deadline.ts'
import type { Services } from '../../services.ts'
import type { AppEnv } from '../context.ts'

/**
 * These commit step by step, and continue where they stopped if they are repeated. Each step has the deadline of a call
 * to the database, but they have none as a whole.
 */
const inSteps: ReadonlySet<string> = new Set([
  'POST /v1/api-keys/revoke',
  'POST /v1/organizations/:id/revoke-all',
  'DELETE /v1/organizations/:id',
  'POST /v1/keks/rewrap',
])

/**
 * One deadline for all that a request waits for in the database: connections, locks, every statement, and what it reads
 * again after the commit. When it passes, the request fails with `database_unavailable` and nothing was changed, or
 * with `outcome_unknown` if a commit was already sent. A request whose change is committed succeeds.
 */
export function adminDeadline(): MiddlewareHandler<AppEnv> {
  return async function limitWaiting(c, next) {
    const { services } = c.var
    if (inSteps.has(`${c.req.method} ${routePath(c, -1)}`)) return await next()
    c.set('services', withinBudget(services, createBudget(services.config.adminDeadlineMilliseconds)))
    await next()
  }
}

function withinBudget(services: Services, budget: Budget): Services {
  const { apiKeys, keyring, revocations, verifier, refusals, checkpointSigner, platform } = services
  const db = services.database.within(budget)
  /** Other requests may wait for the same work, so it goes on without this one. It has a deadline of its own. */
  const wait = <Result>(work: () => Promise<Result>): Promise<Result> =>
    budget.spend((left) =>
      withinDeadline(left, (call) => {
        call.onDeadline = () => unavailable('the request took too long')
        return work()
      }),
    )
  return {
    ...services,
    db,
    transaction: (work) => db.transaction(work),
    apiKeys: {
      ...apiKeys,
      byHash: (hash, imported) => wait(() => apiKeys.byHash(hash, imported)),
      importedAlgorithms: (now) => wait(() => apiKeys.importedAlgorithms(now)),
    },
    keyring: {
      ...keyring,
      activeAlgorithms: (purpose) => wait(() => keyring.activeAlgorithms(purpose)),
      publicKeys: (purpose) => wait(() => keyring.publicKeys(purpose)),
      reload: () => wait(() => keyring.reload()),
    },
    revocations: { ...revocations, refresh: () => wait(() => revocations.refresh()) },
    verifier: { ...verifier, verify: (token) => wait(async () => await verifier.verify(token)) },
    checkpointSigner: () => wait(checkpointSigner),
    refusals: {
      ...refusals,
      record(actor, refused) {
        const recorded = refusals.record(actor, refused)
        platform.defer(recorded.catch(() => {}))
        return wait(() => recorded)
      },
    },
  }
}
