import { beforeAll, describe, expect, test } from 'vitest'
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

describe('an organization from its creation to its suspension', () => {
  test('can be created, changed, suspended and resumed', async () => {
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
    expect((await shown('organizations', 'change-plan', id, 'pro', '--dry-run')).split('\n')[1]).toBe(
      'dry run: nothing was changed',
    )
    expect(await json('organizations', 'show', id)).toMatchObject({ plan: 'free' })
    await json('api-keys', 'create', 'endless', '--organization', id)
    expect(await shown('organizations', 'change-policy', id, '86400', '--dry-run')).toContain(
      'API keys that never expire: 1. They keep working, and can be narrowed and rotated.',
    )
    expect(await json('organizations', 'change-policy', id, '86400')).toMatchObject({ maxKeyLifetimeSeconds: 86_400 })
    expect(await json('organizations', 'change-policy', id, 'never')).toMatchObject({ maxKeyLifetimeSeconds: null })
    expect(await json('organizations', 'suspend', id, '--dry-run')).toMatchObject({ apiKeys: 1, lastUses: [] })
    expect(await json('organizations', 'show', id)).toMatchObject({ suspendedAt: null })
    expect((await shown('organizations', 'suspend', id, '--reason', 'abuse', '--yes')).split('\n')[1]).toBe(
      'suspended org_…: no new tokens, and the existing ones are refused',
    )
    expect((await json('organizations', 'list', '--suspended', 'true')).items).toMatchObject([{ id }])
    expect(await shown('organizations', 'show', id)).toMatch(/^suspended {2}\S+Z by key_…$/m)
    expect((await shown('organizations', 'resume', id)).split('\n')[1]).toBe(
      'resumed org_…; tokens issued before stay revoked',
    )
  })

  test('one with keys is deleted only with --force, and without it shows who uses them', async () => {
    const { id } = await json('organizations', 'create', 'Doomed', '--slug', 'doomed')
    const created = await json('api-keys', 'create', 'orders', '--organization', id)
    expect(await json('organizations', 'delete', id, '--dry-run')).toMatchObject({ apiKeys: 1, serviceAccounts: 0 })
    const refused = await shown('organizations', 'delete', id)
    expect(refused).toContain('error: cannot delete the organization: it has 1 API key\n')
    expect(refused).toMatch(/\nkeys {2}1\nservice accounts {2}0\nroles {2}0\nkeys in use {2}0\n/)
    expect(refused).toMatch(/\nhint: to delete its keys too: mintage organizations delete org_… --force\n\[1\]\n$/)
    expect(await shown('organizations', 'delete', id, '--yes')).toMatch(
      /^error: cannot delete the organization: the organization has 1 API key\. A dry run shows who uses it\./m,
    )
    expect(await shown('organizations', 'delete', id, '--force')).toMatch(
      /^error: confirmation required: Delete org_… with 1 API keys, 0 service accounts and 0 roles\? .*\nhint: add --yes\n\[2\]$/m,
    )
    expect(await json('api-keys', 'show', created.apiKey.id)).toMatchObject({ status: 'usable' })
    expect((await shown('organizations', 'delete', id, '--force', '--yes')).split('\n')[1]).toBe(
      'deleted org_… and everything in it',
    )
    expect(await shown('api-keys', 'show', created.apiKey.id)).toContain('not found')
    expect((await json('organizations', 'list', '--slug', 'doomed')).items).toEqual([])
  })

  test('a wrong option is reported by its name', async () => {
    await json('organizations', 'create', 'First', '--slug', 'first')
    expect(await shown('organizations', 'create', 'Second', '--slug', 'first')).toBe(
      '$ mintage organizations create Second --slug first\nerror: cannot create the organization: --slug is already taken. Choose another one\n[1]\n',
    )
    expect(await shown('organizations', 'change-policy', 'org_x', 'soon')).toMatch(/\[[12]\]$/m)
    expect(await shown('organizations', 'create', 'X', '--max-key-lifetime', 'long')).toMatch(/\n\[2\]$/m)
  })
})
