import { describe, expect, test } from 'vitest'
import { apiKeysAtTerminal } from '../../support/api-keys-at-terminal.ts'
import { mintage } from '../../support/run-cli.ts'

const { service, url, folder, shown, json, asked, create } = await apiKeysAtTerminal()

describe('the life of an API key at a terminal', () => {
  test('create accepts every setting of a key', async () => {
    const { apiKey } = await create(
      ...[
        '--description',
        'reads orders',
        '--label',
        'ci',
        '--label',
        'nightly',
        '--subject',
        'robot',
        '--claims',
        '{"plan":"gold"}',
      ],
      ...['--allow', '192.0.2.0/24', '--deny', '192.0.2.7', '--requests-per-minute', '30', '--rotate-every', '30d'],
      ...['--expires-at', '2030-01-01T00:00:00Z', '--scope', 'orders:read'],
    )
    expect(apiKey).toMatchObject({
      description: 'reads orders',
      labels: ['ci', 'nightly'],
      subject: 'robot',
      customClaims: { plan: 'gold' },
      allowedCidrs: ['192.0.2.0/24'],
      deniedCidrs: ['192.0.2.7/32'],
      requestsPerMinute: 30,
      rotateEverySeconds: 30 * 86_400,
      expiresAt: '2030-01-01T00:00:00.000Z',
    })
    const text = await shown('api-keys', 'show', apiKey.id)
    expect(text).toMatch(/^labels {8}ci nightly$/m)
    expect(text).toMatch(/^claims {8}\{"plan":"gold"\}$/m)
    expect(text).toMatch(/^rotate {8}every 30d, due 2026-12-02T10:00:00\.000Z$/m)
  })

  test('update changes, removes and checks the revision as told', async () => {
    const { apiKey } = await create('--label', 'ci', '--expires-at', '2030-01-01T00:00:00Z')
    const updated = await json(
      'api-keys',
      'update',
      apiKey.id,
      '--name',
      'renamed',
      '--no-label',
      '--no-expires-at',
      '--revision',
      '1',
    )
    expect(updated).toMatchObject({ name: 'renamed', labels: [], expiresAt: null, revision: 2 })
    expect(await shown('api-keys', 'update', apiKey.id, '--name', 'again', '--revision', '1')).toBe(
      `$ mintage api-keys update key_… --name again --revision 1
error: cannot change the API key: the resource changed since you read it. Read it again, then send the change with the new ETag in If-Match
hint: look at it with \`mintage api-keys show\`, then repeat the change with its --revision
[1]
`,
    )
  })

  test('update says until when earlier tokens hold what it took away, and can end them', async () => {
    const { apiKey } = await create('--scope', 'orders:read', '--scope', 'orders:write')
    const scopes = ['api-keys', 'update', apiKey.id, '--scope', 'orders:read']
    expect(await shown(...scopes)).toContain(
      '\nearlier tokens keep what you took away until 2026-11-02T11:00:00Z: to end them, update the key with --end-tokens\n',
    )
    expect(await shown(...scopes, '--end-tokens', '--yes')).toContain(
      '\nearlier tokens are refused; new ones are issued from 2026-11-02T10:00:31Z on\n',
    )
  })

  test('disable, after a dry run, and enable', async () => {
    const { apiKey } = await create()
    expect(await shown('api-keys', 'disable', apiKey.id, '--dry-run')).toBe(
      `$ mintage api-keys disable key_… --dry-run
keys in use       0
with live tokens  0
tokens until      -
exchanges         0
authentications   0
last used         -
`,
    )
    expect(await shown('api-keys', 'disable', apiKey.id, '--yes')).toBe(
      '$ mintage api-keys disable key_… --yes\ndisabled key_…: no new tokens, and the existing ones are refused\n',
    )
    expect(await shown('api-keys', 'enable', apiKey.id)).toBe(
      '$ mintage api-keys enable key_…\nenabled key_…; tokens issued from 2026-11-02T10:00:31Z on are accepted\n',
    )
    expect(await shown('api-keys', 'enable', apiKey.id)).toBe(
      '$ mintage api-keys enable key_…\nenabled key_…; it was not disabled\n',
    )
  })

  test('delete, after a dry run, leaves nothing to show', async () => {
    const { apiKey, secret } = await create()
    await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret } })
    await service.services.usage.flush()
    expect(await json('api-keys', 'delete', apiKey.id, '--dry-run')).toMatchObject({
      apiKeys: 1,
      apiKeysWithLiveTokens: 1,
    })
    expect(await json('api-keys', 'show', apiKey.id)).toMatchObject({ status: 'usable' })
    const command = ['api-keys', 'delete', apiKey.id]
    expect(await asked(command)).toEqual([expect.stringMatching(/^Delete key_\w+\? It stops working for good/)])
    expect((await shown(...command, '--yes')).split('\n')[1]).toBe('deleted key_…, and revoked all its tokens')
    expect(await shown('api-keys', 'show', apiKey.id)).toMatch(/not found/)
    expect(await shown(...command, '--yes')).toMatch(/^error: cannot delete the API key: not found/m)
  })

  test('expire is permanent', async () => {
    const { apiKey } = await create()
    expect(await shown('api-keys', 'expire', apiKey.id, '--yes')).toBe(
      '$ mintage api-keys expire key_… --yes\nexpired key_… and all its tokens\n',
    )
    expect(await shown('api-keys', 'expire', apiKey.id, '--yes')).toBe(
      `$ mintage api-keys expire key_… --yes
error: cannot expire the API key: the API key is expired and cannot be changed. Create a new key
[1]
`,
    )
  })

  test.each([
    ['0', '2026-11-02T10:00:00Z'],
    ['1h', '2026-11-02T11:00:00Z'],
    ['24h', '2026-11-03T10:00:00Z'],
    ['90m', '2026-11-02T11:30:00Z'],
  ])('rotate with an overlap of %s', async (overlap, until) => {
    const { apiKey } = await create()
    expect(await shown('api-keys', 'rotate', apiKey.id, '--overlap', overlap, '--yes')).toBe(
      `$ mintage api-keys rotate key_… --overlap ${overlap} --yes
id       key_…
version  2
secret   mk_live_…
the secret is not shown again: store it where your service reads it
the previous one, version 1, works until ${until}
${overlap === '0' ? '' : 'take the rotation back until then: mintage api-keys rotate key_… --cancel\n'}`,
    )
  })

  test.each([
    ['without an overlap', ['--overlap', '0']],
    ['and an earlier end of the key', ['--expires-at', '2026-11-02T10:05:00Z']],
  ])('a rotation %s asks first, and its dry run shows who uses the key', async (_, options) => {
    const { apiKey, secret } = await create()
    await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret, 'User-Agent': 'shop/1' } })
    await service.services.usage.flush()
    const rotate = ['api-keys', 'rotate', apiKey.id, ...options]
    expect(await shown(...rotate, '--dry-run')).toMatch(/^the previous one, version 1, works until .*shop\/1$/ms)
    expect(await asked(rotate)).toEqual([
      'Rotate? A secret or tokens that work now end early. --dry-run shows who uses them.',
    ])
    expect((await mintage(rotate, { cwd: folder })).stderr).toMatch(
      /^error: confirmation required: .*\nhint: add --yes$/m,
    )
    expect(await json('api-keys', 'show', apiKey.id)).toMatchObject({ version: 1 })
    expect(await json(...rotate, '--yes')).toMatchObject({ apiKey: { version: 2 } })
  })

  test('a rotation asks first if it ends an overlap that still lasts', async () => {
    const { apiKey } = await create()
    const rotate = ['api-keys', 'rotate', apiKey.id, '--overlap', '24h']
    expect(await asked(rotate, true)).toEqual([])
    expect(await asked(rotate)).toHaveLength(1)
    expect(await json('api-keys', 'show', apiKey.id)).toMatchObject({ version: 2 })
  })

  test('an update asks first only if the key expires earlier than before', async () => {
    const { apiKey } = await create()
    const update = (...options: string[]) => ['api-keys', 'update', apiKey.id, ...options]
    expect(await asked(update('--description', 'x'), true)).toEqual([])
    expect(await asked(update('--expires-at', '2027-01-01T00:00:00Z'))).toEqual([
      `Change ${apiKey.id}? Tokens that work now end early. --dry-run shows who uses them.`,
    ])
    expect(await json('api-keys', 'show', apiKey.id)).toMatchObject({ description: 'x', expiresAt: null })
    await json(...update('--expires-at', '2027-01-01T00:00:00Z', '--yes'))
    expect(await asked(update('--expires-at', '2027-06-01T00:00:00Z'), true)).toEqual([])
  })

  test('versions shows who uses which, until an overlap is ended', async () => {
    const { apiKey, secret } = await create()
    await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret, 'User-Agent': 'old-worker/1' } })
    await service.services.usage.flush()
    expect(await json('api-keys', 'rotate', apiKey.id, '--description', 'second')).toMatchObject({
      apiKey: { description: 'second' },
    })
    const text = (await shown('api-keys', 'versions', apiKey.id))
      .replace(/…[0-9A-Za-z]{4}/g, '…hint')
      .replace(/ {2,}/g, '  ')
    expect(text).toBe(
      `$ mintage api-keys versions key_…
VERSION  STATE  HINT  CREATED  ENDS  EXCHANGES  AUTHENTICATIONS  LAST USED  FROM  BY
2  newest  …hint  2026-11-02T10:00:00Z  -  0  0  -  -  -
1  overlapping  …hint  2026-11-02T10:00:00Z  2026-11-03T10:00:00Z  1  1  2026-11-02T10:00:00Z  -  old-worker/1
`,
    )
    expect(await shown('api-keys', 'end-version', apiKey.id, '1', '--dry-run')).toMatch(
      /^keys in use +1\nwith live tokens +1\n.* old-worker\/1$/ms,
    )
    expect(await shown('api-keys', 'end-version', apiKey.id, '1', '--yes')).toBe(
      '$ mintage api-keys end-version key_… 1 --yes\nended version 1 of key_… and its tokens; version 2 works\n',
    )
    expect(await shown('api-keys', 'end-version', apiKey.id, '2', '--yes')).toBe(
      `$ mintage api-keys end-version key_… 2 --yes
error: cannot end the version: this is the newest version. To end it, rotate the key first, or disable or revoke it
[1]
`,
    )
  })

  test('list finds keys by their settings', async () => {
    const { apiKey } = await create('--label', 'odd one', '--environment', 'test')
    for (const filter of [
      ['--label', 'odd one'],
      [
        '--label',
        'odd one',
        '--status',
        'usable',
        '--environment',
        'test',
        '--name',
        'ORD',
        '--created-before',
        '2030-01-01T00:00:00Z',
      ],
    ]) {
      expect((await json('api-keys', 'list', ...filter)).items).toMatchObject([{ id: apiKey.id }])
    }
    expect(await shown('api-keys', 'list', '--name', '%')).toBe('$ mintage api-keys list --name %\nno API keys\n')
  })
})

describe('the owner of a key at a terminal', () => {
  const as = (secret: string) => ({ env: { MINTAGE_URL: url, MINTAGE_API_KEY: secret } })

  test('sees its key, rotates it, and revokes it', async () => {
    const { secret } = await create('--requests-per-minute', '7')
    const me = await mintage(['me'], as(secret))
    expect(me.stdout).toMatch(/^per minute {3}7\nper month {4}1000000\nthis secret {2}version 1$/m)
    const rotated = await mintage(['me', 'rotate', '--overlap', '1h', '--json'], as(secret))
    const fresh: string = JSON.parse(rotated.stdout).secret
    expect((await mintage(['me'], as(secret))).stdout).toMatch(
      /^this secret {2}version 1, until 2026-11-02T11:00:00Z$/m,
    )
    const again = await mintage(['me', 'rotate'], as(secret))
    expect([again.code, again.stderr]).toEqual([
      1,
      'error: cannot rotate the API key: only the newest secret of the key may rotate it. Send the newest secret\nhint: `mintage me` shows what this key may do\n',
    ])
    expect(await asked(['me', 'revoke'])).toEqual([
      'This is the last root key: afterwards nobody can manage the service. Revoke the key that this terminal uses, and all its tokens?',
    ])
    expect(await json('me')).toMatchObject({ status: 'usable' })
    const revoked = await mintage(['me', 'revoke', '--reason', 'leaked', '--yes'], as(fresh))
    expect([revoked.code, revoked.stdout]).toEqual([0, 'revoked this key and all its tokens\n'])
    expect((await mintage(['me'], as(fresh))).code).toBe(1)
  })
})

describe('mistakes are reported before anything is sent', () => {
  test.each<[string[], string]>([
    [['rotate', 'key_1', '--overlap', 'soon'], 'must be a number with s, m, h or d, such as 24h'],
    [['create', 'x', '--claims', '[1]'], 'must be a JSON object'],
    [['create', 'x', '--claims', 'plan=gold'], 'must be a JSON object'],
    [['create', 'x', '--claims', '{"plan":"gold","plan":"free"}'], 'has two members of the same name'],
    [['create', 'x', '--claims', '{"a":{"__proto__":1}}'], 'has a member __proto__'],
    [['create', 'x', '--no-label'], "unknown option '--no-label'"],
    [['end-version', 'key_1', 'last'], 'must be a whole number'],
  ])('%j', async (args, message) => {
    const { code, stderr } = await mintage(['api-keys', ...args], { cwd: folder })
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
  })
})

test.each([
  'api-keys',
  ...['create', 'list', 'show', 'update', 'rotate', 'versions', 'end-version', 'disable', 'enable', 'expire'].map(
    (name) => `api-keys ${name}`,
  ),
  ...['me', 'me rotate', 'me revoke'],
])('the help of %s fits a screen and shows an example', async (command) => {
  const { stdout } = await mintage([...command.split(' '), '--help'])
  const lines = stdout.trimEnd().split('\n')
  expect(lines.length).toBeLessThanOrEqual(24)
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80)
  expect(stdout).toMatch(/^Example:\n {2}\$ mintage/m)
})
