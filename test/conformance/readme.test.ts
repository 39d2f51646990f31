import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const folder = new URL('.', import.meta.url)
const page = readFileSync(new URL('README.md', folder), 'utf8')
const rows = [...page.matchAll(/^\| (R\d+) \|.*\| ([^|]+) \|$/gm)].map(([, number = '', proof = '']) => ({
  number,
  proof,
}))

describe('the table of requirements', () => {
  test('has every number once, in order', () => {
    expect(rows.map(({ number }) => number)).toEqual(rows.map((_, index) => `R${index + 1}`))
  })

  test.each(rows)('$number has a test that names it, or says what is owed', ({ number, proof }) => {
    const files = [...proof.matchAll(/\]\(([^)]+)\)/g)].map(([, path = '']) => new URL(path, import.meta.url))
    if (files.length === 0) expect(proof).toMatch(/^owed: \S/)
    for (const file of files) {
      expect(existsSync(file), file.pathname).toBe(true)
      expect(numbersIn(readFileSync(file, 'utf8'))).toContain(number)
    }
  })

  test.each(readdirSync(folder).filter((name) => name.endsWith('.test.ts') && name !== 'readme.test.ts'))(
    'links to %s from every number that it names',
    (name) => {
      for (const number of numbersIn(readFileSync(new URL(name, folder), 'utf8'))) {
        expect(rows.find((row) => row.number === number)?.proof, number).toContain(`(${name})`)
      }
    },
  )
})

/** Numbers named in a file. `R41–R45` names all five. */
function numbersIn(text: string): Set<string> {
  const numbers = new Set<string>()
  for (const [, first, last] of text.matchAll(/\bR(\d+)(?:[–-]R?(\d+))?\b/g)) {
    for (let number = Number(first); number <= Number(last ?? first); number += 1) numbers.add(`R${number}`)
  }
  return numbers
}
