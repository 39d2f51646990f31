import { describe } from 'vitest'
import { testNumberedTable } from '../support/numbered-table.ts'

describe('the table of requirements', () => {
  testNumberedTable(new URL('.', import.meta.url), {
    letter: 'R',
    withoutTest: /^owed: \S/,
    reader: 'readme.test.ts',
    numbersIn,
  })
})

/** Numbers named in a file. `R41–R45` names all five. */
function numbersIn(text: string): Set<string> {
  const numbers = new Set<string>()
  for (const [, first, last] of text.matchAll(/\bR(\d+)(?:[–-]R?(\d+))?\b/g)) {
    for (let number = Number(first); number <= Number(last ?? first); number += 1) numbers.add(`R${number}`)
  }
  return numbers
}
