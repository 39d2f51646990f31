import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { adminRoutes } from '../../src/http/admin/routes.ts'
import { everyCommand } from '../support/run-cli.ts'

const read = (page: string) => readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8')
const rows = (page: string, form: RegExp) => [...read(page).matchAll(form)].map(([, name]) => name ?? '').sort()

test('docs/cli.md has a row for every command, and for no other', () => {
  const commands = everyCommand().filter(({ words, isVerb }) => isVerb || words.join(' ') === 'me')
  expect(rows('cli.md', /^\| `(mintage [a-z -]+)` \|/gm)).toEqual(
    commands.map(({ words }) => ['mintage', ...words].join(' ')).sort(),
  )
})

test('docs/admin-api.md has a row for every route, and for no other', () => {
  const { paths = {} } = adminRoutes().getOpenAPI31Document({ openapi: '3.1.0', info: { title: '', version: '' } })
  const routes = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} /v1${path}`),
  )
  expect(rows('admin-api.md', /^\| `([A-Z]+ \/v1\/[^`]+)` \|/gm)).toEqual(routes.sort())
})
