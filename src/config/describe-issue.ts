import type { z } from 'zod'

/**
 * Says what is wrong with a value and what it must be. The result is a predicate that follows the value's name, such as
 * `must be at most 100 characters`. The wording is ours, because the validator's is not for people. Never repeats the
 * input.
 *
 * `input` is the whole text or object that was validated. Only the messages of our own checks (refinements and
 * patterns) are passed through, so each of them must have one.
 */
export function describeIssue(issue: z.core.$ZodIssue, input: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return describeType(issue.expected, valueAt(input, issue.path))
    case 'invalid_value':
      return `must be ${oneOf(issue.values.map(String))}`
    case 'too_small':
      return describeMinimum(issue.origin, Number(issue.minimum))
    case 'too_big':
      return describeMaximum(issue.origin, Number(issue.maximum))
    case 'invalid_format':
      return formats[issue.format] ?? issue.message
    case 'invalid_union':
      return describeUnion(issue, input)
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`
    case 'unrecognized_keys':
      return 'has an unknown member: remove it or correct its name'
    case 'invalid_key':
      return 'has a member whose name is not allowed'
    case 'invalid_element':
      return 'has an element that is not allowed'
    case 'custom':
      return issue.message
    default:
      return issue satisfies never
  }
}

/**
 * The first issue of each value. A value that breaks one rule often breaks the next ones too, and people correct it once.
 * Keeps all issues of the whole input, and all lists of unknown members.
 */
export function firstIssues(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] {
  const seen = new Set<string>()
  return issues.filter(({ code, path }) => {
    const name = JSON.stringify(path.map(String))
    if (path.length === 0 || code === 'unrecognized_keys') return true
    return !seen.has(name) && seen.add(name)
  })
}

function describeType(expected: string, value: unknown): string {
  if (value === undefined) return 'is required'
  if (expected === 'int' && typeof value === 'number') return 'must be a whole number'
  return `must be ${types[expected] ?? 'of another type'}`
}

const types: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  null: 'null',
}

/** By the format's name in zod. A pattern has its own message. */
const formats: Readonly<Record<string, string>> = {
  email: 'must be an email address',
  url: 'must be a URL',
  datetime: 'must be a date and time with its offset, such as 2027-01-01T00:00:00Z',
}

function describeMinimum(origin: string, minimum: number): string {
  if (origin === 'string') return minimum === 1 ? 'must not be empty' : `must be at least ${minimum} characters`
  if (origin === 'array') return `must have at least ${counted(minimum, 'item')}`
  return `must be at least ${minimum}`
}

function describeMaximum(origin: string, maximum: number): string {
  if (origin === 'string') return `must be at most ${counted(maximum, 'character')}`
  if (origin === 'array') return `must have at most ${counted(maximum, 'item')}`
  return `must be at most ${maximum}`
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** The first alternative is the general one, the others are special values. */
function describeUnion(issue: z.core.$ZodIssueInvalidUnion, input: unknown): string {
  const [first] = issue.errors[0] ?? []
  return first ? describeIssue(first, valueAt(input, issue.path)) : 'must have another form'
}

function oneOf(words: readonly string[]): string {
  return words.length > 2 ? `one of ${words.join(', ')}` : words.join(' or ')
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, name) => {
    return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
  }, input)
}
