import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Services } from '../services.ts'
import type { Metrics } from './metrics.ts'

/** Metrics of this process in Prometheus' text format. */
type Prometheus = {
  readonly metrics: Required<Metrics>
  /** Adds the gauges that are read at scrape time: list age, pool, key ring. */
  observe(services: Services): void
}

/** Only route patterns and methods become labels, so callers cannot create new series. */
export function createPrometheus(): Prometheus {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'mintage_http_request_duration_seconds',
    help: 'Seconds from arrival to answer, by route pattern, method and status.',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  })
  const exchanges = new Counter({
    name: 'mintage_exchanges_total',
    help: 'Exchanges of an API key, by result.',
    labelNames: ['result'],
    registers,
  })
  return {
    metrics: {
      request: (route, method, status, seconds) => requests.observe({ route, method, status }, seconds),
      exchange: (result) => exchanges.inc({ result }),
      render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    },
    observe: (services) => registerGauges(registry, services),
  }
}

function registerGauges(registry: Registry, { database, revocations, keyring }: Services) {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  gauge(
    'mintage_revocation_list_age_seconds',
    'Seconds since the revocation list was last updated; -1 before the first load.',
    () => {
      const age = revocations.state().ageMilliseconds
      return age === null ? -1 : age / 1000
    },
  )
  gauge(
    'mintage_revocation_rules',
    'Rules on the revocation list of this process.',
    () => revocations.state().rules ?? 0,
  )
  gauge(
    'mintage_database_calls_in_flight',
    'Database calls that are running or waiting for a connection.',
    () => database.stats().inFlight,
  )
  gauge('mintage_database_broken', '1 while calls to the database fail without trying.', () =>
    database.stats().broken ? 1 : 0,
  )
  new Counter({
    name: 'mintage_database_writes_refused_total',
    help: 'Changes that the database refused, because its disk was full (room) or a lock was held for too long (lock).',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [reason, count] of Object.entries(database.stats().refusedWrites)) this.inc({ reason }, count)
    },
  })
  gauge('mintage_keyring_usable', '1 while an active signing key of each purpose can sign.', () =>
    keyring.state().usable ? 1 : 0,
  )
}
