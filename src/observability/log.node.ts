import sonicBoom from 'sonic-boom'
import { createLog, type Log, type LogLevel } from './log.ts'

type ProcessLog = {
  readonly log: Log
  /** Writes the buffered lines. Call it before the process ends. */
  flush(): void
}

/**
 * Writes lines to standard output in batches: within a fifth of a second, errors immediately. JSON, and readable lines
 * if standard output is a terminal.
 *
 * @example
 * ```ts
 * import { processLog } from 'mintage/node'
 *
 * const { log, flush } = processLog('info', () => new Date())
 * process.on('exit', flush)
 * log('info', 'started', { port: 8787 })
 * ```
 */
export function processLog(threshold: LogLevel, now: () => Date): ProcessLog {
  // Bytes, because SonicBoom measures its whole buffer again for every line of text.
  const output = new sonicBoom.SonicBoom({
    dest: 1,
    sync: false,
    contentMode: 'buffer',
    minLength: 65_536,
    maxWrite: 262_144,
    periodicFlush: 200,
  })
  output.on('error', () => {})
  // Its types allow only strings.
  const bytes: { write(data: string | Uint8Array): boolean } = output
  const lines = createLog({
    threshold,
    now,
    form: process.stdout.isTTY ? 'readable' : 'json',
    write: (line) => void bytes.write(Buffer.from(`${line}\n`)),
  })
  const log = Object.assign(
    (level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>) => {
      lines(level, event, fields)
      if (level === 'error') output.flush()
    },
    { enabled: lines.enabled },
  )
  return {
    log,
    flush() {
      try {
        output.flushSync()
      } catch {
        // Standard output is closed, so the error cannot be reported.
      }
    },
  }
}
