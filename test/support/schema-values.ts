import fc from 'fast-check'
import type { Schema } from './api-document.ts'

/**
 * Part of every hostile text, so that an answer that repeats it is noticed. Longer than a match by chance in a random
 * request id.
 */
export const marker = 'zqjxwvkq'

/** Unexpected values of a member. Each of them once broke some service. */
export const hostileValues: readonly unknown[] = [
  `nul\u0000${marker}`,
  `half \ud800 pair ${marker}`,
  `right to left \u202e${marker}`,
  `${marker}' or 1=1; drop table api_keys; --`,
  `%${marker}_\\`,
  `\${jndi:ldap://${marker}.example}`,
  `<script>alert("${marker}")</script>`,
  `../../${marker}`,
  `${marker}\r\nSet-Cookie: a=b`,
  `＝${marker}ｉ`,
  '',
  ' ',
  '__proto__',
  'constructor',
  '+275760-09-13T00:00:00.001Z',
  '9999-12-31T23:59:59.999+23:59',
  '0000-01-01T00:00:00Z',
  '-000001-01-01T00:00:00Z',
  marker.repeat(1500),
  null,
  true,
  0,
  -1,
  -0,
  1.5,
  1e308,
  2 ** 53,
  2 ** 31,
  [],
  {},
  [[[[[[[[]]]]]]]],
  { $ne: null },
  { length: 1e9 },
  ['a', 'a'],
  [null],
]

/** The hostile values that fit such a schema: all texts if it accepts a text, and a few of each other kind. */
export function hostileTo({ type, enum: words }: Schema): readonly unknown[] {
  const isText = [type].flat().includes('string') && words === undefined
  return hostileValues.filter((value, index) =>
    typeof value === 'string' ? isText || index < 2 : !isText || index % 4 === 0,
  )
}

/** Values that fit the schema, with something hostile in one member of five, and known ids where any text fits. */
export function valuesOf(
  schema: Schema,
  resolve: (schema: Schema) => Schema | undefined,
  ids: readonly string[],
): fc.Arbitrary<unknown> {
  const meant = meantBy(resolve(schema) ?? {}, (inner) => valuesOf(inner, resolve, ids), ids)
  return fc.oneof({ weight: 4, arbitrary: meant }, { weight: 1, arbitrary: fc.constantFrom(...hostileValues) })
}

function meantBy(
  schema: Schema,
  inner: (schema: Schema) => fc.Arbitrary<unknown>,
  ids: readonly string[],
): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(inner))
  const types = [schema.type ?? 'object'].flat()
  return fc.oneof(...types.map((type) => ofType(type, schema, inner, ids)))
}

function ofType(
  type: string,
  schema: Schema,
  inner: (schema: Schema) => fc.Arbitrary<unknown>,
  ids: readonly string[],
) {
  switch (type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
    case 'number':
      return fc.integer({ min: schema.minimum ?? -10, max: schema.maximum ?? 1_000_000 })
    case 'array':
      return fc.array(inner(schema.items ?? {}), { maxLength: Math.min(schema.maxItems ?? 3, 3) })
    case 'object':
      return fc.record(
        Object.fromEntries(Object.entries(schema.properties ?? {}).map(([member, value]) => [member, inner(value)])),
        {
          requiredKeys: schema.required ?? [],
        },
      )
    default:
      return texts(schema, ids)
  }
}

function texts(
  { format, pattern, minLength = 0, maxLength = 60 }: Schema,
  ids: readonly string[],
): fc.Arbitrary<string> {
  if (format === 'date-time')
    return fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.toISOString())
  const free =
    pattern === undefined ? freeTexts(minLength, Math.min(maxLength, 60)) : fc.stringMatching(new RegExp(pattern))
  return fc.oneof(free, fc.constantFrom(...ids))
}

const freeTextsByLength = new Map<string, fc.Arbitrary<string>>()

/** Cached, because fast-check builds a table of all characters each time. */
function freeTexts(minLength: number, maxLength: number): fc.Arbitrary<string> {
  const lengths = `${minLength} ${maxLength}`
  const kept = freeTextsByLength.get(lengths) ?? fc.string({ minLength, maxLength, unit: 'binary' })
  freeTextsByLength.set(lengths, kept)
  return kept
}
