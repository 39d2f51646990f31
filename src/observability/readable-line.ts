import { printableText } from './printable-text.ts'

/**
 * A log line for a person: time of day in UTC, level, event, then `name=value`. The frames of an error follow on lines
 * of their own. Takes what `createLog` has already redacted.
 */
export function readableLine({ time, level, event, ...fields }: Readonly<Record<string, unknown>>): string {
  const said = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)
  const head = [String(time).slice(11, 23), String(level).padEnd(5), String(event)]
  const line = [...head, ...said.map(([name, value]) => `${name}=${shown(value)}`)].join(' ')
  return [line, ...said.flatMap(([, value]) => framesOf(value))].map(printableText).join('\n')
}

/** Quotes text only where it would be ambiguous. */
function shown(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) return value
  if (isError(value)) return JSON.stringify(`${value.name}: ${value.message}`)
  return JSON.stringify(value)
}

function framesOf(value: unknown): string[] {
  if (!isError(value)) return []
  const { at, cause } = value
  const frames = Array.isArray(at) ? at.map((frame) => `    at ${frame}`) : []
  return isError(cause) ? [...frames, `  caused by ${cause.name}: ${cause.message}`, ...framesOf(cause)] : frames
}

type ShownError = { name: unknown; message: unknown; at?: unknown; cause?: unknown }

function isError(value: unknown): value is ShownError {
  return typeof value === 'object' && value !== null && 'name' in value && 'message' in value
}
