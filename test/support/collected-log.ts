import { createLog, type Log } from '../../src/observability/log.ts'
import { keepForInspection } from './printed-credentials.ts'

/** A log of every level that collects its lines. The run inspects them for credentials. */
export function collectedLog(now: () => Date): { log: Log; logged: Record<string, unknown>[] } {
  const logged: Record<string, unknown>[] = []
  const log = createLog({
    threshold: 'debug',
    now,
    write(line) {
      keepForInspection(line)
      logged.push(JSON.parse(line))
    },
  })
  return { log, logged }
}
