import { describe, expect, test } from 'vitest'
import { parseCsv } from '../../../src/cli/api-keys/csv.ts'

describe('a CSV text (RFC 4180)', () => {
  test.each<[string, string, string[][]]>([
    [
      'plain',
      'a,b\nc,d\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'without a line end',
      'a,b\nc,d',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'with the line ends of Windows',
      'a,b\r\nc,d\r\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['with a byte order mark', '\ufeffa,b\n', [['a', 'b']]],
    [
      'with empty fields',
      'a,,\n,b,\n',
      [
        ['a', '', ''],
        ['', 'b', ''],
      ],
    ],
    ['with an empty last field and no line end', 'a,', [['a', '']]],
    ['with empty lines', 'a\n\n\nb\n', [['a'], ['b']]],
    ['with quotes', '"a,b","c""d","e\nf"\n', [['a,b', 'c"d', 'e\nf']]],
    ['empty', '', []],
  ])('%s is read', (_, text, records) => {
    expect(parseCsv(text)).toEqual(records)
  })

  test.each(['"a', 'a"b', '"a"b', '"a""', 'a,"'])('%j is refused', (text) => {
    expect(parseCsv(text)).toBeUndefined()
  })

  test('a megabyte in quotes is read in linear time', () => {
    expect(parseCsv(`"${'x""'.repeat(300_000)}"`)?.[0]?.[0]?.length).toBe(600_000)
  })
})
