import { beforeAll, expect, test } from 'vitest'
import { serveToRoot } from '../../support/listening-service.ts'
import { commandsWith } from '../../support/run-cli.ts'
import type { TestService } from '../../support/test-service.ts'

let service: TestService
let env: Record<string, string>

beforeAll(async () => {
  ;({ service, env } = await serveToRoot())
})

const { json, shown: shownAligned } = commandsWith(() => ({ env }))

/** What the terminal shows, with two spaces between columns. */
const shown = async (...args: string[]) => (await shownAligned(...args)).replace(/ {2,}/g, '  ')

test('roles can be created from permissions, shown and deleted', async () => {
  expect(
    await shown(
      'roles',
      'create',
      'key_reader',
      '--permission',
      'api_keys.read:organization',
      '--permission',
      'roles.read:organization',
    ),
  ).toBe(`$ mintage roles create key_reader --permission api_keys.read:organization --permission roles.read:organization
name  key_reader
kind  custom
organization  org_…
created  ${service.clock.now().toISOString()}
revision  1
permissions
  api_keys.read:organization
  roles.read:organization
`)
  expect((await json('roles', 'list')).items).toHaveLength(7)
  expect(await json('roles', 'update', 'key_reader', '--permission', 'api_keys.read:own')).toMatchObject({
    revision: 2,
  })
  expect(await shown('roles', 'create', 'other', '--permission', 'keks.rewrap:organization')).toMatch(
    /^error: cannot create the role: --permission contains something that is not a permission:reach/m,
  )
  expect(await shown('roles', 'delete', 'key_reader')).toBe('$ mintage roles delete key_reader\ndeleted key_reader\n')
  expect(await shown('roles', 'show', 'ci_service')).toMatch(/^permissions\n {2}api_keys.read:own\n/m)
})
