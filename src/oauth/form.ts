import { ServiceError } from '../errors.ts'

/** A parsed application/x-www-form-urlencoded body. An empty value counts as absent (RFC 6749 §3.2). */
export type Form = {
  get(name: string): string | undefined
  /** All values of a repeatable parameter, in order. */
  all(name: string): readonly string[]
}

/** Throws if the parameter must be refused. */
export type InspectParameter = (name: string, value: string) => void

/**
 * Reads a form. Throws `invalid_request` for a parameter that comes twice, even an unknown one, unless it is in
 * `repeatable` (RFC 6749 §3.2). Calls `inspect` for each parameter first. Does not check which parameters are known,
 * and does not limit the length: the reader of the body does.
 */
export function parseForm(body: string, repeatable: ReadonlySet<string> = none, inspect?: InspectParameter): Form {
  if (body === '') return emptyForm
  const single = new Map<string, string>()
  const repeated = new Map<string, string[]>()
  for (const [name, value] of new URLSearchParams(body)) {
    inspect?.(name, value)
    if (repeatable.has(name)) {
      const values = repeated.get(name)
      if (values) values.push(value)
      else repeated.set(name, [value])
    } else if (single.has(name)) {
      throw new ServiceError('invalid_request', {
        detail: 'A parameter was sent more than once. Send each parameter once.',
      })
    } else {
      single.set(name, value)
    }
  }
  return {
    get: (name) => single.get(name) || undefined,
    all: (name) => repeated.get(name)?.filter((value) => value !== '') ?? [],
  }
}

const none: ReadonlySet<string> = new Set()
const emptyForm: Form = { get: () => undefined, all: () => [] }
