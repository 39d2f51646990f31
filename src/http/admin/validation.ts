import type { z } from '@hono/zod-openapi'
import { describeIssue, firstIssues } from '../../config/describe-issue.ts'
import { ServiceError } from '../../errors.ts'

type Validated = { data?: unknown; target: string } & (
  | { success: true }
  | { success: false; error: { issues: z.core.$ZodIssue[] } }
)

/** Throws `invalid_request`, with up to 20 wrong members under `errors`: where each is, and one fault of it. */
export function refuseInvalid(result: Validated): void {
  if (result.success) return
  const { data, target } = result
  const errors = firstIssues(result.error.issues)
    .flatMap((issue) => faultsOf(issue, data, target))
    .slice(0, 20)
  const [first] = errors
  const detail = first && `${first.path || (subjects[target] ?? 'The request')} ${first.message}.`
  throw new ServiceError('invalid_request', { ...(detail === undefined ? {} : { detail }), extensions: { errors } })
}

type Fault = { path: string; message: string }

/** What the sentence is about when the fault is not in one member. */
const subjects: Readonly<Record<string, string>> = { json: 'The body', query: 'The query' }

/** One fault an issue, but one for each unknown member. `target` is the part of the request: `json`, `query` … */
export function faultsOf(issue: z.core.$ZodIssue, input: unknown, target: string): Fault[] {
  if (issue.code !== 'unrecognized_keys') {
    return [{ path: pathOf(issue.path), message: describe(issue, input, target) }]
  }
  const noun = target === 'query' ? 'parameter' : 'member'
  return issue.keys.map((key) =>
    isPlainName(key)
      ? { path: pathOf([...issue.path, key]), message: `is not a known ${noun}: remove it or correct its name` }
      : { path: pathOf(issue.path), message: `has an unknown ${noun}: remove it or correct its name` },
  )
}

/** A parameter that occurs twice in a query arrives as an array. */
function describe(issue: z.core.$ZodIssue, input: unknown, target: string): string {
  const isRepeated =
    target === 'query' && issue.code === 'invalid_type' && Array.isArray(Object(input)[issue.path[0] ?? ''])
  return isRepeated ? 'must be given once only' : describeIssue(issue, input)
}

/**
 * A path like `filter.label` or `scopes.3`. Stops before the first name that could contain markup or a credential, so
 * that an error text never repeats it.
 */
function pathOf(names: readonly PropertyKey[]): string {
  const texts = names.map(String)
  const unsafe = texts.findIndex((name) => !isPlainName(name) && !/^\d+$/.test(name))
  return (unsafe === -1 ? texts : texts.slice(0, unsafe)).join('.')
}

/** Whether the name looks like a member or header of the API. Such names are shorter than any credential. */
function isPlainName(name: string): boolean {
  return /^[A-Za-z][A-Za-z-]{0,31}$/.test(name)
}
