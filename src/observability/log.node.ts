import sonicBoom from 'sonic-boom'
import { createLog, type Log, type LogLevel } from './log.ts'

export type ProcessLog = {
  readonly log: Log
  /** Writes what is still held; before the process ends. */
  flush(): void
}

/** Lines travel to standard output in batches: at the latest a fifth of a second after they were written, errors at once. */
export function processLog(threshold: LogLevel, now: () => Date): ProcessLog {
  // Bytes: of texts it would measure all that it holds again at every line, which cost more than the line.
  const output = new sonicBoom.SonicBoom({
    dest: 1,
    sync: false,
    contentMode: 'buffer',
    minLength: 65_536,
    maxWrite: 262_144,
    periodicFlush: 200,
  })
  output.on('error', () => {})
  // Its types know of texts only.
  const bytes: { write(data: string | Uint8Array): boolean } = output
  const lines = createLog({ threshold, now, write: (line) => void bytes.write(Buffer.from(`${line}\n`)) })
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
        // Standard output is gone: there is nobody left to tell.
      }
    },
  }
}
