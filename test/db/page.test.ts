import { expect, test } from 'vitest'
import { pageOf } from '../../src/db/page.ts'

const asIs = { view: (row: string) => row, cursor: (row: string) => `after ${row}` }

test.each([
  ['an empty list', [], { items: [], nextCursor: null }],
  ['a list that ends on this page', ['a', 'b'], { items: ['a', 'b'], nextCursor: null }],
  ['a list that goes on', ['a', 'b', 'c'], { items: ['a', 'b'], nextCursor: 'after b' }],
])('%s', (_, rows, page) => {
  expect(pageOf(rows, 2, asIs)).toEqual(page)
})
