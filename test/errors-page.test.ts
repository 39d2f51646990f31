import { globSync, readFileSync } from 'node:fs'
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

test('every code and every status of the page can be sent', () => {
  const root = new URL('../', import.meta.url)
  const sources = globSync('src/**/*.ts', { cwd: root.pathname, exclude: ['src/cli/**'] })
  const text = sources.map((path) => readFileSync(new URL(path, root), 'utf8')).join('\n')
  const thrown = [...text.matchAll(/\bServiceError\(([^)]*)/g)].map(([, first]) => first).join('\n')
  const ways = { invalid_request: 'invalidRequest(' }
  const unsent = Object.keys(errorCatalogue).filter(
    (code) => !thrown.includes(`'${code}'`) && !text.includes(Object(ways)[code] ?? '\0'),
  )
  expect(unsent).toEqual([])
  const statuses = Object.values(errorCatalogue).map(({ status }) => String(status))
  const named = errorsPage().match(/\b[45]\d\d\b/g) ?? []
  expect(named.filter((status) => !statuses.includes(status))).toEqual([])
})
