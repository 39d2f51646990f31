import { describe, expect, test } from 'vitest'
import { circlesOf, importsOf } from './support/import-graph.ts'
import { importedNamesOf, needlessExports } from './support/imported-names.ts'

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

describe('the reader of imported names', () => {
  test.each<[string, string[]]>([
    ["import { a, type B, c as d } from './a.ts'", ['B', 'a', 'c']],
    ["import {\n  // why b\n  a, /* and c */ d,\n} from './a.ts'", ['a', 'd']],
    ["import type { A } from './a.ts'", ['A']],
    ["import main, { b } from './a.ts'", ['b', 'default']],
    ["import main from './a.ts'", ['default']],
    ["import './a.ts'", []],
    ["export { a as b, type C } from './a.ts'", ['C', 'a']],
    ["import * as all from './a.ts'\nall.b(all.c)", ['b', 'c']],
    ["const { a, b: c } = await import('./a.ts')", ['a', 'b']],
    ["const c = (await import('./a.ts')).a()", ['a']],
    ["load(await (await import('./a.ts')).a())", ['a']],
    ["import('./a.ts').then(({ a }) => a)", ['a']],
    ["type A = import('./a.ts').B", ['B']],
    ["type A = typeof import('./a.ts')['b']", ['b']],
    ["const [{ x }, { a }] = await Promise.all([\n  import(`x`),\n  import('./a.ts'),\n])", ['a']],
    ["const b = import('./a.ts')", ['a', 'b', 'const', 'import', 'ts']],
  ])('sees in %j: %j', (text, names) => {
    const [found] = importedNamesOf(text)
    expect([...(found?.names ?? [])].sort()).toEqual(names)
  })

  test.each([["import * as all from './a.ts'\nObject.values(all)"], ["export * from './a.ts'"]])(
    'takes the whole module in %j',
    (text) => {
      expect(importedNamesOf(text)).toEqual([{ specifier: './a.ts', names: 'all' }])
    },
  )
})

describe('the search for needless exports', () => {
  const file = (path: string, text: string) => ({ path, text })
  const used = 'export const used = 1\nexport type Word = string\n'

  test.each<[string, string, string[]]>([
    ['an import', "import { type Word, used } from './a.ts'", []],
    ['the same word in another place', "import { used } from './a.ts'\ntype Word = 1 // Word", ['/a.ts: Word']],
    [
      'the same name from another file',
      "import { used } from './a.ts'\nimport { Word } from './c.ts'",
      ['/a.ts: Word'],
    ],
  ])('takes %s for what it is', (_, text, needless) => {
    expect(needlessExports([file('/a.ts', used), file('/b.ts', text)], (path) => path === '/a.ts')).toEqual(needless)
  })

  test('does not count a file that imports itself', () => {
    const self = file('/a.ts', `import { used } from './a.ts'\n${used}`)
    expect(needlessExports([self], () => true)).toEqual(['/a.ts: used', '/a.ts: Word'])
  })
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
