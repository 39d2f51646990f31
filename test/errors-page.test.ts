import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errorsPage } from '../scripts/errors-page.ts'
import { errorCatalogue } from '../src/error-catalogue.ts'

test('docs/errors.md matches the catalogue of errors: run `node scripts/errors-page.ts` when this fails', () => {
  expect(readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8')).toBe(errorsPage())
})

test('every code has its section', () => {
  const sections = [...errorsPage().matchAll(/^## (\w+)$/gm)].map(([, code]) => code)
  expect(sections).toEqual(Object.keys(errorCatalogue))
})
