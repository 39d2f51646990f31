import { beforeAll, describe, expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { listen } from '../../src/node/http-server.ts'
import { serveFromFolder, writeCredentials } from '../support/listening-service.ts'
import { type CliOptions, commandsWith, mintage, transcript } from '../support/run-cli.ts'
import { temporaryFolder } from '../support/service-process.ts'
import type { TestService } from '../support/test-service.ts'

let service: TestService
let url: string
let folder: string

beforeAll(async () => {
  ;({ service, url, folder } = await serveFromFolder())
})

const { shown, json } = commandsWith(() => ({ cwd: folder }))

describe('a key from its creation to its revocation', () => {
  test('create shows the id and, once, the secret', async () => {
    expect(await shown('api-keys', 'create', 'orders', '--scope', 'orders:read', '--environment', 'test')).toBe(
      `$ mintage api-keys create orders --scope orders:read --environment test
id      key_…
name    orders
secret  mk_test_…
the secret is not shown again: store it where your service reads it
`,
    )
  })

  test('list shows the newest key and how to see more', async () => {
    const text = await shown('api-keys', 'list', '--limit', '1')
    expect(text.replace(/ {2,}/g, '  ')).toBe(
      `$ mintage api-keys list --limit 1
ID  NAME  ENV  STATUS  HINT  SCOPES  CREATED  LAST USED
key_…  orders  test  usable  ${(await json('api-keys', 'list', '--limit', '1')).items[0].hint.replace(/^/, '…')}  orders:read  2026-11-02T10:00:00Z  -
there are more: add --cursor api-keys.key_…
`,
    )
  })

  test('show, revoke, show again', async () => {
    const { apiKey } = await json('api-keys', 'create', 'short', '--scope', 'a', '--scope', 'b')
    expect(await shown('api-keys', 'show', apiKey.id)).toMatch(/^status {8}usable$/m)
    expect(await shown('api-keys', 'show', apiKey.id)).toMatch(/^scopes {8}a b$/m)
    expect(await shown('api-keys', 'revoke', apiKey.id, '--reason', 'leaked', '--yes')).toBe(
      `$ mintage api-keys revoke key_… --reason leaked --yes
revoked key_… and all its tokens
`.replace('key_…', apiKey.id),
    )
    expect(await json('api-keys', 'show', apiKey.id)).toMatchObject({ status: 'revoked', revocationReason: 'leaked' })
    expect(await json('api-keys', 'revoke', apiKey.id, '--yes')).toEqual({ id: apiKey.id, revoked: true })
  })

  test('a cursor leads to the next page', async () => {
    const first = await json('api-keys', 'list', '--limit', '1')
    const second = await json('api-keys', 'list', '--limit', '1', '--cursor', first.nextCursor)
    expect(second.items[0].id < first.items[0].id).toBe(true)
  })
})

describe('the other nouns', () => {
  test('me shows which key this terminal uses', async () => {
    expect(await json('me')).toMatchObject({ name: 'root', roles: ['root'] })
    expect(await shown('me')).toMatch(/^roles {9}root$/m)
  })

  test('token prints only the token, so that a shell can store it', async () => {
    const { stdout, stderr, code } = await mintage(['token', '--scope', 'orders:read', '--expires-in', '60'], {
      cwd: folder,
    })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^eyJ[\w-]+\.[\w-]+\.[\w-]+\n$/)
    expect(stderr).toBe('valid for 60 s, scope orders:read\n')
    expect(await json('token')).toMatchObject({ token_type: 'Bearer', access_token: expect.any(String) })
  })

  test('organizations can be created, listed and shown', async () => {
    const created = await json('organizations', 'create', 'acme', '--plan', 'pro')
    expect(created).toMatchObject({ name: 'acme', plan: 'pro' })
    expect(await json('organizations', 'show', created.id)).toEqual(created)
    expect(await shown('organizations', 'list')).toMatch(/^org_… +acme +acme +pro /m)
  })

  test('revocations can be created, listed and lifted', async () => {
    const value = `${service.organizationId} alice`
    const rule = await json(
      'revocations',
      'create',
      '--kind',
      'subject',
      '--value',
      value,
      '--reason',
      'employee_left',
      '--text',
      'moved on',
      '--yes',
    )
    expect(rule).toMatchObject({ kind: 'subject', value, reason: 'employee_left', text: 'moved on' })
    expect(await shown('revocations', 'list')).toMatch(/^rev_… +subject +org_… alice /m)
    expect(await json('revocations', 'lift', rule.id, '--yes')).toEqual({ id: rule.id, lifted: true })
  })

  test('audit lists changes, newest first', async () => {
    await json('api-keys', 'create', 'audited')
    expect(await shown('audit', 'list', '--limit', '1')).toMatch(
      /^2026-11-02T10:0\d:00Z {2}api_key\.created {2}success {2}key_… /m,
    )
  })
})

describe('an error says what failed and what to type next', () => {
  const elsewhere = (env: Record<string, string>): CliOptions => ({ env: { MINTAGE_URL: url, ...env } })

  test.each<[string, string[], string]>([
    ['an unknown command', ['frobnicate'], "error: unknown command 'frobnicate'\nhint: mintage --help\n[2]\n"],
    [
      'a misspelled command',
      ['api-key', 'list'],
      "error: unknown command 'api-key' (Did you mean api-keys?)\nhint: mintage --help\n[2]\n",
    ],
    ['an unknown verb', ['api-keys', 'drop'], "error: unknown command 'drop'\nhint: mintage api-keys --help\n[2]\n"],
    ['no verb', ['api-keys'], 'error: a verb is missing\nhint: mintage api-keys --help\n[2]\n'],
    ['no command', [], 'error: a command is missing\nhint: mintage --help\n[2]\n'],
    ['a missing argument', ['api-keys', 'show'], 'error: <id> is missing\nhint: mintage api-keys show --help\n[2]\n'],
    ['an unknown option', ['me', '--verbose'], "error: unknown option '--verbose'\nhint: mintage me --help\n[2]\n"],
    [
      'an option that must be a number',
      ['api-keys', 'list', '--limit', 'x'],
      'error: --limit must be a whole number\nhint: mintage api-keys list --help\n[2]\n',
    ],
    [
      'an unknown id',
      ['api-keys', 'show', 'key_missing'],
      'error: cannot show the API key: not found, or you do not have access\nhint: mintage api-keys list\n[1]\n',
    ],
    [
      'a value that the service refuses',
      ['api-keys', 'create', 'x', '--subject', 'key_1'],
      'error: cannot create the API key: --subject starts with a prefix that is reserved for the ids of the service\nhint: mintage api-keys create --help\n[1]\n',
    ],
    [
      'an unknown algorithm',
      ['api-keys', 'create', 'x', '--algorithm', 'HS256'],
      'error: cannot create the API key: --algorithm must be one of ES256, EdDSA, RS256, PS256, ES384\nhint: mintage api-keys create --help\n[1]\n',
    ],
    [
      'an algorithm without a signing key',
      ['api-keys', 'create', 'x', '--algorithm', 'RS256'],
      'error: cannot create the API key: no signing key of this --algorithm is active. Choose one of: ES256\n[1]\n',
    ],
  ])('%s', async (_, args, terminal) => {
    expect(await shown(...args)).toBe(`$ mintage ${args.join(' ')}\n${terminal}`)
  })

  test('a key that does not work', async () => {
    const run = await mintage(['me'], elsewhere({ MINTAGE_API_KEY: generateApiKey('live') }))
    expect(transcript(['me'], run)).toBe(`$ mintage me
error: cannot show the API key: client authentication failed
hint: the key is unknown, revoked or expired: set MINTAGE_API_KEY to a key that works, or read docs/losing-access.md
[1]
`)
  })

  test('a key without the permission', async () => {
    const { secret } = await service.createKey()
    const run = await mintage(['api-keys', 'list'], elsewhere({ MINTAGE_API_KEY: secret }))
    expect(run).toMatchObject({
      code: 1,
      stderr:
        'error: cannot list API keys: you do not have permission to do this\nhint: `mintage me` shows what this key may do\n',
    })
  })

  test('a service that does not answer', async () => {
    const run = await mintage(['me'], {
      env: { MINTAGE_URL: 'http://127.0.0.1:9', MINTAGE_API_KEY: generateApiKey('live') },
    })
    expect(run).toMatchObject({
      code: 1,
      stderr:
        'error: no answer from http://127.0.0.1:9\nhint: start it with `mintage serve`, or set MINTAGE_URL to its address\n',
    })
  })

  test('for scripts, errors are JSON too', async () => {
    const { code, stdout, stderr } = await mintage(['api-keys', 'show', 'key_missing', '--json'], { cwd: folder })
    expect({ code, stdout, ...JSON.parse(stderr) }).toMatchObject({
      code: 1,
      stdout: '',
      error: 'not_found',
      hint: expect.any(String),
    })
  })
})

describe('A84: keys', () => {
  test.each([
    ['an API key', generateApiKey('live')],
    ['an option with an API key', `--reason=${generateApiKey('test')}`],
    ['a token', 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln'],
  ])('are not accepted on the command line: %s', async (_, argument) => {
    const run = await mintage(['api-keys', 'revoke', argument], { cwd: folder })
    expect(run.code).toBe(2)
    expect(run.stderr).toMatch(/^error: the command line holds a key or a token/)
    expect(run.stderr).not.toContain(argument.slice(-20))
  })

  test('in a file that other people can read are refused', async () => {
    const place = await temporaryFolder()
    await writeCredentials(place, { url, rootApiKey: service.rootKey }, 0o644)
    const run = await mintage(['me'], { cwd: place })
    expect(run).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: other people can read .*\nhint: chmod 600 /),
    })
  })

  test('of one service are not sent to another', async () => {
    const run = await mintage(['me'], { cwd: folder, env: { MINTAGE_URL: 'https://elsewhere.example' } })
    expect(run).toMatchObject({ code: 1, stderr: expect.stringMatching(/belongs to http:\/\/127\.0\.0\.1/) })
  })

  test('are sent over plain http only to this machine', async () => {
    const run = await mintage(['me'], {
      env: { MINTAGE_URL: 'http://auth.example', MINTAGE_API_KEY: generateApiKey('live') },
    })
    expect(run).toMatchObject({ code: 2, stderr: expect.stringMatching(/^error: a key is not sent over plain http/) })
  })

  test('are not sent to another service after a redirect', async () => {
    const thief: string[] = []
    const other = await listen({
      port: 0,
      host: '127.0.0.1',
      fetch: (request) => {
        thief.push(request.headers.get('authorization') ?? '')
        return new Response('{}')
      },
    })
    const redirecting = await listen({
      port: 0,
      host: '127.0.0.1',
      fetch: () => new Response(null, { status: 307, headers: { Location: `http://127.0.0.1:${other.port}/v1/me` } }),
    })
    const run = await mintage(['me'], {
      env: { MINTAGE_URL: `http://127.0.0.1:${redirecting.port}`, MINTAGE_API_KEY: generateApiKey('live') },
    })
    expect(run.code).toBe(1)
    expect(thief).toEqual([])
    await Promise.all([other.stop(0), redirecting.stop(0)])
  })

  test('never appear in an error about a damaged file', async () => {
    const place = await temporaryFolder()
    await writeCredentials(place, `{"url": "${url}", "rootApiKey": "${service.rootKey}"`)
    const run = await mintage(['me'], { cwd: place })
    expect(run.code).toBe(1)
    expect(run.stdout + run.stderr).not.toContain(service.rootKey.slice(8, 30))
  })
})

test('control characters in a name do not reach the terminal', async () => {
  const hostile = await listen({
    port: 0,
    host: '127.0.0.1',
    fetch: () =>
      Response.json({
        items: [{ id: 'org_1', name: '\u001b[2J\u202egone', plan: 'free', createdAt: '2026-01-01T00:00:00Z' }],
        nextCursor: null,
      }),
  })
  const run = await mintage(['organizations', 'list'], {
    env: { MINTAGE_URL: `http://127.0.0.1:${hostile.port}`, MINTAGE_API_KEY: generateApiKey('live') },
  })
  expect(run.code).toBe(0)
  expect(run.stdout).toContain('�[2J�gone')
  await hostile.stop(0)
})

test('commands for PostgreSQL refuse the embedded database', async () => {
  expect(await shown('bootstrap')).toBe(
    '$ mintage bootstrap\nerror: the embedded database bootstraps itself\nhint: mintage serve\n[2]\n',
  )
  expect(await shown('migrate')).toMatch(
    /^error: no PostgreSQL database to migrate\nhint: set DATABASE_MIGRATION_URL .*\n\[2\]$/m,
  )
})
