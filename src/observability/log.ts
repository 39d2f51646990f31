export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** One JSON line an event. Fields pass the redaction; credentials never come out. */
export type Log = {
  (level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void
  /** False when lines of this level are thrown away: lets the hot path skip building them. */
  enabled(level: LogLevel): boolean
}
