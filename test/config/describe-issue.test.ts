import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { describeIssue } from '../../src/config/describe-issue.ts'

function wordsFor(schema: z.ZodType, input: unknown): string[] {
  const { error } = schema.safeParse(input)
  return error ? error.issues.map((issue) => describeIssue(issue, input)) : []
}

const name = z.string().min(1).max(3)
test.each<[string, z.ZodType, unknown, string]>([
  ['a missing member', z.object({ name }), {}, 'is required'],
  ['null for text', z.object({ name }), { name: null }, 'must be a string'],
  ['an empty text', name, '', 'must not be empty'],
  ['a short text', z.string().min(2), 'a', 'must be at least 2 characters'],
  ['a long text', name, 'abcd', 'must be at most 3 characters'],
  ['two characters for one', z.string().max(1), 'ab', 'must be at most 1 character'],
  ['text for a number', z.number(), '1', 'must be a number'],
  ['text for a whole number', z.int(), '1', 'must be a number'],
  ['a fraction', z.int(), 1.5, 'must be a whole number'],
  ['NaN', z.number(), Number.NaN, 'must be a number'],
  ['a small number', z.int().min(60), 59, 'must be at least 60'],
  ['a large number', z.int().max(200), 201, 'must be at most 200'],
  ['a number that is not a multiple', z.number().multipleOf(5), 7, 'must be a multiple of 5'],
  ['text for a boolean', z.boolean(), 'true', 'must be true or false'],
  ['an object for a list', z.array(name), {}, 'must be an array'],
  ['a short list', z.array(name).min(1), [], 'must have at least 1 item'],
  ['a long list', z.array(name).max(2), ['a', 'b', 'c'], 'must have at most 2 items'],
  ['a list for an object', z.object({}), [], 'must be an object'],
  ['text for a record', z.record(z.string(), z.unknown()), 'x', 'must be an object'],
  ['one of two words', z.enum(['live', 'test']), 'prod', 'must be live or test'],
  ['one of three words', z.enum(['a', 'b', 'c']), 'd', 'must be one of a, b, c'],
  ['a fixed value', z.literal(true), false, 'must be true'],
  ['an email address', z.email(), 'x', 'must be an email address'],
  ['a URL', z.url(), 'x', 'must be a URL'],
  [
    'a time without an offset',
    z.iso.datetime({ offset: true }),
    '2027-01-01T00:00:00',
    expect.stringMatching(/^must be a date and time with its offset/),
  ],
  ['a pattern', z.string().regex(/^a$/, 'must be a'), 'b', 'must be a'],
  ['a refinement', z.string().refine(() => false, 'must be liked'), 'b', 'must be liked'],
  ['a union', name.or(z.literal('')), 'abcd', 'must be at most 3 characters'],
  ['an unknown member', z.strictObject({}), { a: 1 }, expect.stringMatching(/^has an unknown member/)],
  ['a long member name', z.record(z.string().max(1), z.unknown()), { ab: 1 }, 'has a member whose name is not allowed'],
])('%s is described in our words', (_, schema, input, words) => {
  expect(wordsFor(schema, input)).toEqual([words])
})

test('no input makes the validator’s own words come out', () => {
  const schema = z.strictObject({
    name,
    count: z.int().min(1).max(5).optional(),
    kind: z.enum(['a', 'b']),
    list: z.array(name).max(2),
    at: z.iso.datetime({ offset: true }).optional(),
    email: z.email().nullable(),
    text: name.or(z.literal('')),
    map: z.record(z.string().max(2), z.boolean()),
  })
  const members = fc.record(Object.fromEntries(Object.keys(schema.shape).map((member) => [member, fc.anything()])), {
    requiredKeys: [],
  })
  fc.assert(
    fc.property(fc.oneof(members, fc.anything()), (input) => {
      for (const words of wordsFor(schema, input))
        expect(words).toMatch(/^(must|has|is) (?!.*(expected|received|invalid))/i)
    }),
    { numRuns: 500 },
  )
})
