import { isServerError, serverWords } from './error-words.ts'
import { readableLine } from './readable-line.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Writes one line per event. Credentials in fields are redacted. */
export type Log = {
  (level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void
  /** False if lines of this level are dropped: the hot path then skips building them. */
  enabled(level: LogLevel): boolean
}

const order: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warn: 30, error: 40 }

/**
 * A log of lines at or above `threshold`. `write` gets each line without a newline. Errors are reduced to name, message
 * and code. `json` is for programs. `readable` is for a person at a terminal, where an error has several lines.
 *
 * @example
 * ```ts
 * import { createLog } from 'mintage'
 *
 * const log = createLog({ threshold: 'info', now: () => new Date(), write: (line) => console.log(line) })
 * log('info', 'started', { port: 8787 })
 * ```
 */
export function createLog(options: {
  threshold: LogLevel
  write: (line: string) => void
  now: () => Date
  form?: 'json' | 'readable'
}): Log {
  const threshold = order[options.threshold]
  const format = options.form === 'readable' ? readableLine : JSON.stringify
  const log = (level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>) => {
    if (order[level] < threshold) return
    const line: Record<string, unknown> = { time: options.now().toISOString(), level, event }
    for (const name in fields) line[name] = printable(fields[name], 0)
    options.write(format(line))
  }
  return Object.assign(log, { enabled: (level: LogLevel) => order[level] >= threshold })
}

/** API keys with any prefix, also truncated ones with the default prefix; parts of a JWT; KEKs; credentials in URLs. */
const secrets =
  /[a-z0-9]{2,16}_(?:live|test)_[A-Za-z0-9_]{8,}|mk_[A-Za-z0-9_]{8,}|eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,4}|(raw|passphrase):[^\s"']+|:\/\/[^\s/@:]*:[^\s/@]+@/g
const longest = 2048

/** Replaces everything that looks like a credential, and limits the length. */
export function redact(text: string): string {
  const bounded = text.length > longest ? `${text.slice(0, longest)}…` : text
  return bounded.replace(secrets, (match, provider?: string) => {
    if (provider) return `${provider}:[redacted]`
    return match.startsWith('://') ? '://[redacted]@' : '[redacted]'
  })
}

function printable(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.length < 8 ? value : redact(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (depth === 4) return '…'
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Error) return printableError(value, depth)
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => printable(item, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, printable(item, depth + 1)]))
}

/** Not the whole error: drivers attach the failed query and its parameters. */
function printableError(error: Error, depth: number) {
  const described: Record<string, unknown> = { name: error.name, message: printable(words(error), depth + 1) }
  const frames = callSites(error)
  if (frames.length > 0) described.at = frames
  if ('code' in error) described.code = printable(error.code, depth + 1)
  if (error instanceof AggregateError) described.errors = printable(error.errors, depth + 1)
  if (error.cause !== undefined) described.cause = printable(error.cause, depth + 1)
  return described
}

/** The stack without the message at its start. */
function callSites(error: Error): string[] {
  return (error.stack ?? '')
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .slice(0, 6)
    .map((line) => line.slice('    at '.length))
}

/** Drizzle writes `Failed query: …\nparams: …`. The parameters may be secret, so they are cut off. */
function words(error: Error): string {
  if (isServerError(error)) return serverWords(error)
  const end = error.message.indexOf('\nparams:')
  return end === -1 ? error.message : error.message.slice(0, end)
}
