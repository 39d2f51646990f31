import { describe, expect, test } from 'vitest'
import { circlesOf, importsOf } from './support/import-graph.ts'

describe('the reader of imports', () => {
  test.each([
    ["import { a } from './a.ts'", './a.ts', false, false],
    ["import type { A } from './a.ts'", './a.ts', true, false],
    ["import { type A, type B } from './a.ts'", './a.ts', true, false],
    ["import { type A, b } from './a.ts'", './a.ts', false, false],
    ["import {\n  a,\n  b,\n} from 'pkg/sub'", 'pkg/sub', false, false],
    ["import {\n  // why\n  a, /* and */ b,\n} from 'pkg'", 'pkg', false, false],
    ["import * as all from 'pkg'", 'pkg', false, false],
    ["import main, { b } from 'pkg'", 'pkg', false, false],
    ["import 'pkg'", 'pkg', false, false],
    ["export * from './a.ts'", './a.ts', false, false],
    ["export type { A } from './a.ts'", './a.ts', true, false],
    ["  const { b } = await import('pkg')", 'pkg', false, true],
    ["  load = () => import('pkg')", 'pkg', false, true],
    ["type Sql = import('pkg').Sql", 'pkg', true, true],
    ["let x: typeof import('pkg')", 'pkg', true, true],
  ])('sees %j', (text, specifier, typeOnly, dynamic) => {
    expect(importsOf(text)).toEqual([{ specifier, typeOnly, dynamic }])
  })

  test.each([["/** import { a } from './a.ts' */"], [" * import('pkg')"], ["// import 'pkg'"], ['export const a = 1']])(
    'sees nothing in %j',
    (text) => {
      expect(importsOf(text)).toEqual([])
    },
  )
})

describe('the search for circles', () => {
  const edges = (...pairs: readonly string[]) => pairs.map((pair) => ({ path: pair[0] ?? '', target: pair[1] ?? '' }))

  test.each<[readonly string[], string[][]]>([
    [['ab', 'bc'], []],
    [['ab', 'ba', 'bc'], [['a', 'b']]],
    [['ab', 'bc', 'ca'], [['a', 'b', 'c']]],
    [['ab', 'bb'], [['b']]],
  ])('finds in %j: %j', (pairs, circles) => {
    expect(circlesOf(edges(...pairs))).toEqual(circles)
  })
})
