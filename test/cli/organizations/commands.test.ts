import { beforeAll, describe, expect, test } from 'vitest'
import { serveToRoot } from '../../support/listening-service.ts'
import { mintage, transcript } from '../../support/run-cli.ts'
import type { TestService } from '../../support/test-service.ts'

let service: TestService
let env: Record<string, string>

beforeAll(async () => {
  ;({ service, env } = await serveToRoot())
})

/** What stands on the terminal, columns apart by two blanks. */
async function shown(...args: string[]): Promise<string> {
  return transcript(args, await mintage(args, { env }))
    .replace(/ {2,}/g, '  ')
    .replace(/\bsvc_[0-9a-f]{32}\b/g, 'svc_…')
}

async function json(...args: string[]) {
  const { stdout, stderr, code } = await mintage([...args, '--json'], { env })
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}

describe('an organization from its creation to its suspension', () => {
  test('is created, changed, stopped and resumed', async () => {
    expect(await shown('organizations', 'create', 'Acme Inc', '--email', 'ops@acme.example', '--plan', 'pro')).toBe(
      `$ mintage organizations create Acme Inc --email ops@acme.example --plan pro
id  org_…
name  Acme Inc
slug  acme-inc
email  ops@acme.example
plan  pro
limits  60 a minute, 100000 a month, 10 keys
keys expire  -
suspended  -
created  ${service.clock.now().toISOString()}
revision  1
`,
    )
    const { id } = (await json('organizations', 'list', '--slug', 'acme-inc')).items[0]
    expect(await json('organizations', 'update', id, '--no-email', '--slug', 'acme', '--revision', '1')).toMatchObject({
      email: null,
      slug: 'acme',
      revision: 2,
    })
    expect(await shown('organizations', 'update', id, '--name', 'Late', '--revision', '1')).toMatch(
      /^error: cannot change the organization: the resource changed since you read it\..*\nhint: look at it with `mintage organizations show`.*\n\[1\]$/m,
    )
    expect(await json('organizations', 'change-plan', id, 'free')).toMatchObject({
      plan: 'free',
      limits: { apiKeys: 2 },
    })
    expect(await json('organizations', 'change-policy', id, '86400')).toMatchObject({ maxKeyLifetimeSeconds: 86_400 })
    expect(await json('organizations', 'change-policy', id, 'never')).toMatchObject({ maxKeyLifetimeSeconds: null })
    expect(await json('organizations', 'suspend', id, '--dry-run')).toMatchObject({ apiKeys: 0, lastUses: [] })
    expect(await json('organizations', 'show', id)).toMatchObject({ suspendedAt: null })
    expect((await shown('organizations', 'suspend', id, '--reason', 'abuse')).split('\n')[1]).toBe(
      'suspended org_…: no new tokens, and the existing ones are refused',
    )
    expect((await json('organizations', 'list', '--suspended', 'true')).items).toMatchObject([{ id }])
    expect((await shown('organizations', 'resume', id)).split('\n')[1]).toBe(
      'resumed org_…; tokens issued before stay revoked',
    )
  })

  test('says what is wrong, and in which member', async () => {
    await json('organizations', 'create', 'First', '--slug', 'first')
    expect(await shown('organizations', 'create', 'Second', '--slug', 'first')).toBe(
      '$ mintage organizations create Second --slug first\nerror: cannot create the organization: --slug is taken: another one has it\n[1]\n',
    )
    expect(await shown('organizations', 'change-policy', 'org_x', 'soon')).toMatch(/\[[12]\]$/m)
    expect(await shown('organizations', 'create', 'X', '--max-key-lifetime', 'long')).toMatch(/\n\[2\]$/m)
  })
})

test('plans are listed, made, changed and deleted', async () => {
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
  expect(await json('plans', 'update', 'startup', '--keys', '6')).toMatchObject({ apiKeys: 6, requestsPerMinute: 10 })
  expect(await json('plans', 'show', 'startup')).toMatchObject({ revision: 2 })
  expect(await shown('plans', 'delete', 'startup')).toBe('$ mintage plans delete startup\ndeleted startup\n')
  expect(await shown('plans', 'delete', 'free')).toMatch(
    /^error: cannot delete the plan: a built-in plan stays as it is\./m,
  )
})

test('service accounts are made, given other roles, stopped and deleted', async () => {
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
  expect((await shown('service-accounts', 'disable', id)).split('\n')[1]).toBe(
    'disabled svc_…: no new tokens, and the existing ones are refused',
  )
  expect((await json('service-accounts', 'list', '--disabled', 'true')).items).toMatchObject([{ id }])
  expect((await shown('service-accounts', 'enable', id)).split('\n')[1]).toBe(
    'enabled svc_…; tokens issued before stay revoked',
  )
  expect((await shown('service-accounts', 'delete', id)).split('\n')[1]).toBe('deleted svc_…')
  expect(await shown('service-accounts', 'show', id)).toMatch(
    /^error: cannot show the service account: .*\nhint: mintage service-accounts list/m,
  )
})

test('roles are made of permissions, shown, and deleted', async () => {
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
    /^error: cannot create the role: --permission holds something that is no permission:reach/m,
  )
  expect(await shown('roles', 'delete', 'key_reader')).toBe('$ mintage roles delete key_reader\ndeleted key_reader\n')
  expect(await shown('roles', 'show', 'ci_service')).toMatch(/^permissions\n {2}api_keys.read:own\n/m)
})

test('members are those who hold roles', async () => {
  const { id } = await service.createKey({ roles: ['developer'] })
  const { items } = await json('members', 'list')
  expect(items.map((member: { id: string }) => member.id)).toContain(id)
  expect(await json('members', 'show', id)).toMatchObject({ kind: 'api_key', roles: ['developer'] })
  expect(await json('members', 'assign-roles', id, '--no-role')).toMatchObject({ roles: [] })
})
