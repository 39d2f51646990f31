import { systemPrincipal } from '../../src/access/principal.ts'
import { createServices } from '../../src/compose.ts'
import { loadConfig } from '../../src/config/settings.ts'
import type { Db } from '../../src/db/database.ts'
import { signingKeyActivations, signingKeys } from '../../src/db/schema.ts'
import { runMaintenance } from '../../src/maintenance.ts'
import { openDatabase } from '../../src/node/open-database.ts'
import { nodePlatform } from '../../src/node/platform.ts'
import { processLog } from '../../src/observability/log.node.ts'
import { noMetrics } from '../../src/observability/metrics.ts'
import type { Services } from '../../src/services.ts'
import { replaceSigningKey } from '../../src/signing-keys/replace.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'

// Several instances in one process, each changing the ring of its own deployment. Once all have reached the named
// point, the process is killed with SIGKILL. The fault is injected between the operation and its database, so
// production code does not contain it. DEPLOYMENTS: [{ action, env }].

const [point = ''] = process.argv.slice(2)
const deployments: { action: string; env: Record<string, string> }[] = JSON.parse(process.env.DEPLOYMENTS ?? '[]')
let running = deployments.length

const actions: Record<string, (services: Services) => Promise<unknown>> = {
  maintain: runMaintenance,
  rotate: (services) => rotateSigningKey(services, systemPrincipal, { purpose: 'token', force: true }),
  replace: (services) => replaceSigningKey(services, systemPrincipal, { purpose: 'token', distrustPending: true }),
}

type Die = () => Promise<never>

/** Stops a deployment here for good. The last deployment to arrive kills the process. */
function killWhenAllArrived(): Die {
  let hasArrived = false
  return async () => {
    if (!hasArrived) running -= 1
    hasArrived = true
    if (running === 0) process.kill(process.pid, 'SIGKILL')
    return await new Promise(() => {})
  }
}

/** `insert(signingKeys).values(row).returning()` and `insert(signingKeyActivations).values(row)`, with the fault. */
function faultyInserts(tx: Db, die: Die): Db {
  return override(tx, 'insert', (insert) => (table: unknown) => {
    const builder = Object(insert(table))
    const dieAfter = async (statement: Promise<unknown>, reached: string) => {
      const result = await statement
      if (point === reached) await die()
      return result
    }
    if (table === signingKeys) {
      return {
        values: (row: unknown) => ({ returning: () => dieAfter(builder.values(row).returning(), 'after insert') }),
      }
    }
    if (table !== signingKeyActivations) return builder
    return {
      async values(row: unknown) {
        if (point === 'before activate') await die()
        return await dieAfter(builder.values(row), 'after activate')
      },
    }
  })
}

function faultyTransactions(db: Db, die: Die): Db {
  return override(db, 'transaction', (transaction) => async (work: (tx: Db) => Promise<unknown>) => {
    let activates = false
    const result = await transaction((tx: Db) => {
      const faulty = faultyInserts(tx, die)
      return work(
        override(faulty, 'insert', (insert) => (table: unknown) => {
          activates ||= table === signingKeyActivations
          return insert(table)
        }),
      )
    })
    if (activates && point === 'after commit') await die()
    return result
  })
}

type Method = (...args: never[]) => unknown

function override(target: Db, name: string, replace: (original: (...args: unknown[]) => unknown) => Method): Db {
  return new Proxy(target, {
    get(object, property, receiver) {
      const member: unknown = Reflect.get(object, property, receiver)
      if (typeof member !== 'function') return member
      const original = (...args: unknown[]) => Reflect.apply(member, object, args)
      return property === name ? replace(original) : original
    },
  })
}

async function open({ action, env }: (typeof deployments)[number]): Promise<() => Promise<unknown>> {
  const settings = loadConfig(env)
  // The first instance to arrive waits inside its transaction for the slowest one.
  const { database, keyEncryption } = await openDatabase(settings, { deadlineMilliseconds: 60_000 })
  const now = () => new Date()
  const { log } = processLog('warn', now)
  const faulty = { ...database, db: faultyTransactions(database.db, killWhenAllArrived()) }
  const services = createServices(settings.config, faulty, {
    platform: nodePlatform(),
    keyEncryption,
    log,
    metrics: noMetrics,
    now,
    revocations: { refreshInRequest: true },
  })
  return async () => await actions[action]?.(services)
}

const opened = await Promise.all(deployments.map(open))
await Promise.race(opened.map((act) => act()))
process.stdout.write('done\n')
process.exit(0)
