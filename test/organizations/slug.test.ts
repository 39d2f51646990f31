import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkSlug, slugFrom } from '../../src/organizations/slug.ts'

test.each(['acme', 'a1b', 'acme-inc', 'a'.repeat(40), 'acme-2-go'])('%j is a slug', (slug) => {
  expect(checkSlug(slug)).toBe(slug)
})

test.each([
  '',
  'ab',
  'a'.repeat(41),
  'Acme',
  '1acme',
  '-acme',
  'acme-',
  'ac--me',
  'ac me',
  'ac_me',
  'org_acme',
  'acmé',
  'ac.me',
  'acme\n',
  '%',
])('%j is not a slug', (slug) => {
  expect(() => checkSlug(slug)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
})

describe('a slug from a name', () => {
  test.each([
    ['Acme, Inc.', 'acme-inc'],
    ['  Größe & Söhne ', 'gro-e-sohne'],
    ['42 Degrees', 'degrees'],
    ['東京', 'organization'],
    ['x', 'organization'],
    ['🔑🔑🔑', 'organization'],
    ['a'.repeat(99), 'a'.repeat(39)],
  ])('of %j is %j', (name, slug) => {
    expect(slugFrom(name)).toBe(slug)
  })

  test('is valid, whatever the name and with any suffix', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 120 }), fc.constantFrom('', 'a1b2c'), (name, suffix) => {
        expect(checkSlug(slugFrom(name, suffix)).endsWith(suffix)).toBe(true)
      }),
    )
  })
})
