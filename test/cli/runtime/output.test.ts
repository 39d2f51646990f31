import { describe, expect, test } from 'vitest'
import { fields, table } from '../../../src/cli/runtime/output.ts'

const columns = [
  { title: 'name', value: ({ name }: { name: string; size: number | null }) => name },
  { title: 'size', value: ({ size }: { name: string; size: number | null }) => size },
  { title: 'last', value: () => 'x' },
]

describe('a table', () => {
  test('has titles in capitals, two spaces between columns and none at the end of a line', () => {
    const rows = [
      { name: 'orders', size: 12 },
      { name: '', size: null },
    ]
    expect(table(rows, columns)).toBe('NAME    SIZE  LAST\norders  12    x\n-       -     x')
  })

  test('stays aligned with characters that are two columns wide', () => {
    const rows = [
      { name: '注文', size: 1 },
      { name: '📦', size: 2 },
      { name: 'e\u0301te', size: 3 },
    ]
    expect(table(rows, columns)).toBe('NAME  SIZE  LAST\n注文  1     x\n📦    2     x\ne\u0301te   3     x')
  })

  test('shows control characters harmlessly, in names of fields too', () => {
    const hostile = '\u001b[2J\u202egone\nnext'
    expect(table([{ name: hostile, size: 1 }], columns)).toBe(
      'NAME            SIZE  LAST\n�[2J�gone�next  1     x'.replace(/\n.*/, '\n�[2J�gone�next  1     x'),
    )
    expect(fields({ [hostile]: hostile })).toBe('�[2J�gone�next  �[2J�gone�next')
  })
})
