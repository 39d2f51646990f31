import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const folder = new URL('.', import.meta.url)
const page = readFileSync(new URL('README.md', folder), 'utf8')
const rows = [...page.matchAll(/^\| (A\d+) \|.*\| ([^|]+) \|$/gm)].map(([, number = '', proof = '']) => ({
  number,
  proof,
}))

describe('the legend of the attacks', () => {
  test('has every number once, in order', () => {
    expect(rows.map(({ number }) => number)).toEqual(rows.map((_, index) => `A${index + 1}`))
  })

  test.each(rows)('$number links to tests that name it, or says that there is no test', ({ number, proof }) => {
    const files = [...proof.matchAll(/\]\(([^)]+)\)/g)].map(([, path = '']) => new URL(path, import.meta.url))
    if (files.length === 0) expect(proof).toMatch(/^(no test|owed: \S)/)
    for (const file of files) {
      expect(existsSync(file), file.pathname).toBe(true)
      expect(numbersIn(readFileSync(file, 'utf8'))).toContain(number)
    }
  })

  test.each(readdirSync(folder).filter((name) => name.endsWith('.test.ts') && name !== 'legend.test.ts'))(
    'links to %s from every number that it names',
    (name) => {
      for (const number of numbersIn(readFileSync(new URL(name, folder), 'utf8'))) {
        expect(rows.find((row) => row.number === number)?.proof, number).toContain(`(${name})`)
      }
    },
  )
})

function numbersIn(text: string): Set<string> {
  return new Set([...text.matchAll(/\bA\d+\b/g)].map(([number]) => number))
}
