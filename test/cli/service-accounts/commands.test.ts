import { beforeAll, expect, test } from 'vitest'
import { serveToRoot } from '../../support/listening-service.ts'
import { commandsWith } from '../../support/run-cli.ts'

let env: Record<string, string>

beforeAll(async () => {
  ;({ env } = await serveToRoot())
})

const { json, shown: shownAligned } = commandsWith(() => ({ env }))

/** What the terminal shows, with two spaces between columns. */
const shown = async (...args: string[]) =>
  (await shownAligned(...args)).replace(/ {2,}/g, '  ').replace(/\bsvc_[0-9a-f]{32}\b/g, 'svc_…')

test('service accounts can be created, given other roles, disabled and deleted', async () => {
  expect(
    await shown('service-accounts', 'create', 'billing', '--role', 'developer', '--description', 'invoices'),
  ).toMatch(
    /^id {2}svc_…\nname {2}billing\ndescription {2}invoices\norganization {2}org_…\nroles {2}developer\nkeys {2}0\ndisabled {2}-\n/m,
  )
  const { id } = (await json('service-accounts', 'list', '--limit', '1')).items[0]
  expect(await json('members', 'assign-roles', id, '--role', 'read_only', '--role', 'write_agent')).toMatchObject({
    roles: ['read_only', 'write_agent'],
  })
  expect(await json('service-accounts', 'update', id, '--no-role', '--description', '')).toMatchObject({
    roles: [],
    description: '',
  })
  expect(await json('service-accounts', 'disable', id, '--dry-run')).toMatchObject({ apiKeys: 0 })
  expect((await shown('service-accounts', 'disable', id, '--yes')).split('\n')[1]).toBe(
    'disabled svc_…: no new tokens, and the existing ones are refused',
  )
  expect((await json('service-accounts', 'list', '--disabled', 'true')).items).toMatchObject([{ id }])
  expect(await shown('service-accounts', 'show', id)).toMatch(/^disabled {2}\S+Z by key_…$/m)
  expect((await shown('service-accounts', 'enable', id)).split('\n')[1]).toBe(
    'enabled svc_…; tokens issued before stay revoked',
  )
  await json('api-keys', 'create', 'ci', '--service-account', id)
  expect(await json('service-accounts', 'delete', id, '--dry-run')).toMatchObject({ apiKeys: 1, lastUses: [] })
  expect(await json('service-accounts', 'show', id)).toMatchObject({ apiKeys: 1 })
  expect((await shown('service-accounts', 'delete', id, '--yes')).split('\n')[1]).toBe(
    'deleted svc_…, and revoked its keys',
  )
  expect(await shown('service-accounts', 'show', id)).toMatch(
    /^error: cannot show the service account: .*\nhint: mintage service-accounts list/m,
  )
})
