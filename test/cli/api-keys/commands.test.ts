import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eq } from 'drizzle-orm'
import { beforeAll, describe, expect, test } from 'vitest'
import { apiKeys, organizations, plans } from '../../../src/db/schema.ts'
import { serveFromFolder } from '../../support/listening-service.ts'
import { type CliRun, mintage, mintageProcess, transcript } from '../../support/run-cli.ts'
import type { TestService } from '../../support/test-service.ts'

let service: TestService
let folder: string

beforeAll(async () => {
  ;({ service, folder } = await serveFromFolder())
})

const run = (args: readonly string[], env: Record<string, string> = {}): Promise<CliRun> =>
  mintage(args, { cwd: folder, env })
const shown = async (...args: string[]) => transcript(args, await run(args))
const json = async (...args: string[]) => JSON.parse((await run([...args, '--json'])).stdout)
const hashOf = (secret: string) => createHash('sha256').update(secret).digest('hex')

describe('revoking', () => {
  test('in a dry run shows who would notice', async () => {
    const { id, secret } = await service.createKey()
    await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret, 'User-Agent': 'shop/1' } })
    await service.services.usage.flush()
    const text = await shown('api-keys', 'revoke', id, '--dry-run')
    expect(text).toMatch(/^keys in use +1$/m)
    expect(text).toMatch(/^with live tokens +1$/m)
    expect(text).toMatch(/^key_… .* shop\/1$/m)
    expect(await json('api-keys', 'show', id)).toMatchObject({ status: 'usable' })
  })

  test('at a later time shows when it takes effect', async () => {
    const { id } = await service.createKey()
    const at = new Date(service.clock.now().getTime() + 3_600_000).toISOString()
    const because = ['--reason', 'rotated', '--text', 'the new one is out']
    expect(await shown('api-keys', 'revoke', id, '--yes', '--at', at, ...because)).toBe(
      `$ mintage api-keys revoke ${id} --yes --at ${at} --reason rotated --text the new one is out
revoked key_… and all its tokens, from ${at} on
`,
    )
    expect(await json('api-keys', 'show', id)).toMatchObject({
      status: 'usable',
      revokedAt: at,
      revocationText: 'the new one is out',
    })
  })

  test('many keys by a label', async () => {
    const keys = [await service.createKey(), await service.createKey()]
    for (const { id } of keys)
      await service.services.db
        .update(apiKeys)
        .set({ labels: ['ci'] })
        .where(eq(apiKeys.id, id))
    expect(await shown('api-keys', 'revoke-many', '--label', 'ci', '--dry-run')).toMatch(
      /^would revoke 2 API keys\n {2}key_…\n {2}key_…\n/m,
    )
    expect(await shown('api-keys', 'revoke-many', '--label', 'ci', '--reason', 'unused', '--yes')).toBe(
      `$ mintage api-keys revoke-many --label ci --reason unused --yes
revoked 2 API keys, from 2026-11-02T10:00:00Z on
  key_…
  key_…
`,
    )
    expect(await json('api-keys', 'show', keys[0]?.id ?? '')).toMatchObject({
      status: 'revoked',
      revocationReason: 'unused',
    })
  })

  test('many keys without a filter is a wrong command', async () => {
    expect(await shown('api-keys', 'revoke-many')).toBe(
      `$ mintage api-keys revoke-many
error: no filter given: say which keys to revoke
hint: mintage api-keys revoke-many --help
[2]
`,
    )
  })

  test('with a reason that is not in the list is a wrong command', async () => {
    const { code, stderr } = await run(['api-keys', 'revoke', 'key_1', '--reason', 'why not'])
    expect(code).toBe(2)
    expect(stderr).toContain(
      '--reason must be one of: leaked, compromised, employee_left, rotated, unused, abuse, other',
    )
  })

  test('a whole organization', async () => {
    const organizationId = await service.createOrganization()
    await service.createKey({ organizationId })
    expect(await shown('organizations', 'revoke-all', organizationId, '--reason', 'compromised', '--yes')).toBe(
      `$ mintage organizations revoke-all ${organizationId} --reason compromised --yes
revoked 1 API key, from 2026-11-02T10:00:00Z on
  key_…
`,
    )
  })
})

describe('find-leaked', () => {
  test('reads the secret from the environment, and prints the id and the next command', async () => {
    const { id, secret } = await service.createKey()
    const found = await run(['api-keys', 'find-leaked'], { MINTAGE_LEAKED_KEY: secret })
    expect(found).toMatchObject({
      code: 0,
      stdout: `${id}\n`,
      stderr: `revoke it with: mintage api-keys revoke ${id} --reason leaked\n`,
    })
  })

  test('reads it from standard input', async () => {
    const { id, secret } = await service.createKey()
    expect(await mintage(['api-keys', 'find-leaked', '--json'], { cwd: folder, input: `${secret}\n` })).toMatchObject({
      code: 0,
      stdout: `${JSON.stringify({ id }, null, 2)}\n`,
    })
  })

  test('never accepts it as an argument, and never repeats it', async () => {
    const { secret } = await service.createKey()
    const refused = await run(['api-keys', 'find-leaked', secret])
    expect(refused.code).toBe(2)
    const unknown = await run(['api-keys', 'find-leaked'], { MINTAGE_LEAKED_KEY: 'sk_unknown_1234567890' })
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot find the API key') })
    for (const { stdout, stderr } of [refused, unknown]) expect(stdout + stderr).not.toMatch(/sk_unknown|mk_live/)
  })

  test('without one is a wrong command', async () => {
    expect(await mintage(['api-keys', 'find-leaked'], { cwd: folder, input: '' })).toMatchObject({ code: 2 })
  })
})

describe('import', () => {
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text)
    return name
  }

  test('accepts a CSV with lists, and the imported keys work', async () => {
    const secret = 'sk_elsewhere_1'
    const file = await write(
      'keys.csv',
      `name,hash,scopes,customClaims\n"orders, eu",${hashOf(secret)},orders:read orders:write,"{""tier"":""gold""}"\n`,
    )
    expect(await shown('api-keys', 'import', file)).toBe(
      '$ mintage api-keys import keys.csv\ncreated 1, duplicates 0, invalid 0\n',
    )
    const { status } = await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret } })
    expect(status).toBe(200)
    const { items } = await json('api-keys', 'list', '--limit', '1')
    expect(items[0]).toMatchObject({
      name: 'orders, eu',
      scopes: ['orders:read', 'orders:write'],
      customClaims: { tier: 'gold' },
    })
  })

  test('reports each line that failed, and exits with 1', async () => {
    const known = hashOf('sk_elsewhere_1')
    const file = await write(
      'keys.jsonl',
      `${JSON.stringify({ name: 'again', hash: known })}\n\nno json\n${JSON.stringify({ name: 'bad', hash: 'x' })}\n${JSON.stringify({ name: 'good', hash: hashOf('sk_2') })}\n`,
    )
    expect((await shown('api-keys', 'import', file)).replace(/ {2,}/g, '  ')).toBe(
      `$ mintage api-keys import keys.jsonl
created 1, duplicates 1, invalid 2

LINE  RESULT  WHY
1  duplicate  it exists as key_…
3  invalid  The line is not JSON.
4  invalid  hash is neither 64 hexadecimal digits nor 32 bytes as base64url.
error: 2 rows could not be imported
hint: fix them and run it again: rows that were imported stay
[1]
`,
    )
  })

  test('sends thousands of keys in several requests', async () => {
    const { db, now } = service.services
    const limits = {
      requestsPerMinute: 1,
      requestsPerMonth: 1,
      apiKeys: 5000,
      defaultOverlapSeconds: 0,
      maxOverlapSeconds: 0,
    }
    await db.insert(plans).values({ name: 'roomy', ...limits, createdAt: now() })
    const organizationId = await service.createOrganization()
    await db.update(organizations).set({ plan: 'roomy' }).where(eq(organizations.id, organizationId))
    const lines = Array.from({ length: 1200 }, (_, place) =>
      JSON.stringify({ name: `key ${place}`, hash: hashOf(`many ${place}`) }),
    )
    const { stdout, code } = await mintageProcess(['api-keys', 'import', '-', '--organization', organizationId], {
      cwd: folder,
      input: lines.join('\n'),
    })
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'created 1200, duplicates 0, invalid 0\n' })
  })

  test.each<[string, string, string]>([
    ['missing.csv', '', 'the file cannot be read'],
    ['keys.txt', 'x', 'the file is neither .jsonl nor .csv'],
    ['empty.jsonl', '\n', 'there is nothing to import'],
    ['open.csv', '"a', 'the file is not a CSV'],
  ])('of %s is a wrong command', async (name, text, message) => {
    if (text !== '') await write(name, text)
    const { code, stderr } = await run(['api-keys', 'import', name])
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(`error: ${message}\nhint: `) })
  })
})

test.each([
  'api-keys revoke',
  'api-keys revoke-many',
  'api-keys find-leaked',
  'api-keys import',
  'organizations revoke-all',
])('the help of %s fits a screen', async (command) => {
  const { stdout } = await run([...command.split(' '), '--help'])
  const lines = stdout.trimEnd().split('\n')
  expect(lines.length).toBeLessThanOrEqual(24)
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80)
  expect(stdout).toMatch(/^Example:\n {2}\$ mintage/m)
})
