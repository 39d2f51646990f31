import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/**
 * Defines the tests of a README.md whose table numbers what the tests of its folder prove: `| R12 | … | [x](x.test.ts)
 * |`.
 *
 * `withoutTest` matches the last cell of a row that has no test. `reader` is the test file that reads the table.
 */
export function testNumberedTable(
  folder: URL,
  table: { letter: string; withoutTest: RegExp; reader: string; numbersIn(text: string): ReadonlySet<string> },
): void {
  const { letter, withoutTest, reader, numbersIn } = table
  const page = readFileSync(new URL('README.md', folder), 'utf8')
  const row = new RegExp(`^\\| (${letter}\\d+) \\|.*\\| ([^|]+) \\|$`, 'gm')
  const rows = [...page.matchAll(row)].map(([, number = '', proof = '']) => ({ number, proof }))

  test('has every number once, in order', () => {
    expect(rows.map(({ number }) => number)).toEqual(rows.map((_, index) => `${letter}${index + 1}`))
  })

  test.each(rows)('$number links to tests that name it, or says that there is no test', ({ number, proof }) => {
    const files = [...proof.matchAll(/\]\(([^)]+)\)/g)].map(([, path = '']) => new URL(path, folder))
    if (files.length === 0) expect(proof).toMatch(withoutTest)
    for (const file of files) {
      expect(existsSync(file), file.pathname).toBe(true)
      expect(numbersIn(readFileSync(file, 'utf8'))).toContain(number)
    }
  })

  test.each(readdirSync(folder).filter((name) => name.endsWith('.test.ts') && name !== reader))(
    'links to %s from every number that it names',
    (name) => {
      for (const number of numbersIn(readFileSync(new URL(name, folder), 'utf8'))) {
        expect(rows.find((each) => each.number === number)?.proof, number).toContain(`(${name})`)
      }
    },
  )
}
