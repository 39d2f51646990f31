import { beforeAll, expect, test } from 'vitest'
import { serveToRoot } from '../../support/listening-service.ts'
import { commandsWith } from '../../support/run-cli.ts'
import type { TestService } from '../../support/test-service.ts'

let service: TestService
let env: Record<string, string>

beforeAll(async () => {
  ;({ service, env } = await serveToRoot())
})

const { json } = commandsWith(() => ({ env }))

test('members are listed and shown with their roles, which can be replaced', async () => {
  const { id } = await service.createKey({ roles: ['developer'] })
  const { items } = await json('members', 'list')
  expect(items.map((member: { id: string }) => member.id)).toContain(id)
  expect(await json('members', 'show', id)).toMatchObject({ kind: 'api_key', roles: ['developer'] })
  expect(await json('members', 'assign-roles', id, '--no-role')).toMatchObject({ roles: [] })
})
