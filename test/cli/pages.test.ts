import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { summaryOfEachRoute, withSummaries } from '../../scripts/admin-api-page.ts'
import { everyCommand } from '../support/run-cli.ts'

const read = (page: string) => readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8')
const rows = (page: string, form: RegExp) => [...read(page).matchAll(form)].map(([, name]) => name ?? '').sort()

test('docs/cli.md has a row for every command and no other row', () => {
  const commands = everyCommand().filter(({ words, isVerb }) => isVerb || words.join(' ') === 'me')
  expect(rows('cli.md', /^\| `(mintage [a-z -]+)` \|/gm)).toEqual(
    commands.map(({ words }) => ['mintage', ...words].join(' ')).sort(),
  )
})

test('docs/admin-api.md has a row for every route and no other row', () => {
  expect(rows('admin-api.md', /^\| `([A-Z]+ \/v1\/[^`]+)` \|/gm)).toEqual([...summaryOfEachRoute().keys()].sort())
})

test('docs/admin-api.md has the OpenAPI summary of each route: run `node scripts/admin-api-page.ts` when this fails', () => {
  expect(read('admin-api.md')).toBe(withSummaries(read('admin-api.md')))
})
