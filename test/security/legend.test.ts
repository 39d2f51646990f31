import { describe } from 'vitest'
import { testNumberedTable } from '../support/numbered-table.ts'

describe('the legend of the attacks', () => {
  testNumberedTable(new URL('.', import.meta.url), {
    letter: 'A',
    withoutTest: /^(no test|owed: \S)/,
    reader: 'legend.test.ts',
    numbersIn: (text) => new Set([...text.matchAll(/\bA\d+\b/g)].map(([number]) => number)),
  })
})
