import { beforeAll, expect, test } from 'vitest'
import { serveToRoot } from '../../support/listening-service.ts'
import { commandsWith } from '../../support/run-cli.ts'

let env: Record<string, string>

beforeAll(async () => {
  ;({ env } = await serveToRoot())
})

const { json, shown: shownAligned } = commandsWith(() => ({ env }))

/** What the terminal shows, with two spaces between columns. */
const shown = async (...args: string[]) => (await shownAligned(...args)).replace(/ {2,}/g, '  ')

test('plans can be listed, created, changed and deleted', async () => {
  expect(await shown('plans', 'list')).toBe(`$ mintage plans list
NAME  A MINUTE  A MONTH  KEYS  OVERLAP  KIND
free  10  1000  2  3600/86400 s  built in
pro  60  100000  10  86400/604800 s  built in
enterprise  300  1000000  50  86400/2592000 s  built in
`)
  expect(await json('plans', 'create', 'startup', '--keys', '5')).toMatchObject({
    name: 'startup',
    apiKeys: 5,
    requestsPerMinute: 10,
  })
  expect(await shown('plans', 'update', 'startup', '--keys', '6', '--dry-run')).toContain('nothing was changed')
  expect(await json('plans', 'update', 'startup', '--keys', '6')).toMatchObject({ apiKeys: 6, requestsPerMinute: 10 })
  expect(await json('plans', 'show', 'startup')).toMatchObject({ revision: 2 })
  expect(await shown('plans', 'delete', 'startup')).toBe('$ mintage plans delete startup\ndeleted startup\n')
  expect(await shown('plans', 'delete', 'free')).toMatch(
    /^error: cannot delete the plan: a built-in plan cannot be changed\./m,
  )
})
