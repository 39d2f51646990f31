import { createHash, randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { serveToRoot } from '../../support/listening-service.ts'
import { mintage } from '../../support/run-cli.ts'

let env: Record<string, string>

beforeAll(async () => {
  env = (await serveToRoot()).env
})

const run = async (args: readonly string[], input = '') => await mintage(args, { env, input })

describe('an option for several entries', () => {
  test.each<[string, string[]]>([
    ['commas', ['--scope', 'a,b']],
    ['commas and spaces', ['--scope', 'a, b']],
    ['spaces', ['--scope', 'a b']],
    ['repetition', ['--scope', 'a', '--scope', 'b']],
  ])('separates scopes by %s', async (_, scopes) => {
    const { stdout } = await run(['api-keys', 'create', 'x', ...scopes, '--json'])
    expect(JSON.parse(stdout).apiKey.scopes).toEqual(['a', 'b'])
  })

  test('separates roles, ranges and permissions too', async () => {
    const ranges = ['--allow', '192.0.2.0/24,198.51.100.0/24', '--deny', '192.0.2.1/32,192.0.2.2/32']
    const key = await run(['api-keys', 'create', 'x', '--role', 'developer,read_only', ...ranges, '--json'])
    expect(JSON.parse(key.stdout).apiKey).toMatchObject({
      roles: ['developer', 'read_only'],
      allowedCidrs: ['192.0.2.0/24', '198.51.100.0/24'],
      deniedCidrs: ['192.0.2.1/32', '192.0.2.2/32'],
    })
    const permissions = ['--permission', 'api_keys.read:own,api_keys.rotate:own']
    const role = await run(['roles', 'create', 'watcher', ...permissions, '--json'])
    expect(JSON.parse(role.stdout).permissions).toEqual(['api_keys.read:own', 'api_keys.rotate:own'])
    const account = await run(['service-accounts', 'create', 'x', '--role', 'developer,read_only', '--json'])
    expect(JSON.parse(account.stdout).roles).toEqual(['developer', 'read_only'])
  })

  test.each(['--label', '--audience'])('refuses a comma in %s, which may be a part of it', async (option) => {
    const { code, stderr } = await run(['api-keys', 'create', 'x', option, 'https://a.example,https://b.example'])
    expect(code).toBe(2)
    expect(stderr).toContain('contains a comma. Repeat the option for each entry')
  })

  test('still clears a list', async () => {
    const { stdout } = await run(['api-keys', 'create', 'x', '--scope', 'a', '--label', 'b', '--json'])
    const { id } = JSON.parse(stdout).apiKey
    const cleared = await run(['api-keys', 'update', id, '--no-scope', '--no-label', '--json'])
    expect(JSON.parse(cleared.stdout)).toMatchObject({ scopes: [], labels: [] })
  })
})

describe('an import', () => {
  const hash = () => createHash('sha256').update(randomUUID()).digest('hex')

  test.each(['scopes', 'roles', 'labels', 'audiences', 'allowedCidrs'])(
    'refuses a comma among %s instead of making one entry of two, and imports the other rows',
    async (column) => {
      const csv = `name,hash,${column}\nwrong,${hash()},"a,b"\nright,${hash()},\n`
      const { code, stdout } = await run(['api-keys', 'import', '-', '--json'], csv)
      expect(code).toBe(1)
      expect(JSON.parse(stdout)).toMatchObject({
        created: 1,
        rows: [
          { line: 2, result: 'invalid', why: `${column}: The field contains a comma. Separate entries by spaces.` },
          { line: 3, result: 'created' },
        ],
      })
    },
  )

  test('reports a row with a member that would be lost, and imports the others', async () => {
    const rows = [
      `{"name":"a","hash":"${hash()}","customClaims":{"__proto__":{"plan":"gold"}}}`,
      `{"name":"a","name":"b","hash":"${hash()}"}`,
      `{"name":"right","hash":"${hash()}"}`,
    ]
    const { stdout } = await run(['api-keys', 'import', '-', '--json'], rows.join('\n'))
    expect(JSON.parse(stdout)).toMatchObject({
      created: 1,
      rows: [
        { line: 1, result: 'invalid', why: 'The line has a member __proto__.' },
        { line: 2, result: 'invalid', why: 'The line has two members of the same name.' },
        { line: 3, result: 'created' },
      ],
    })
    const csv = `name,hash,customClaims\nx,${hash()},"{""__proto__"":1}"\n`
    expect((await run(['api-keys', 'import', '-'], csv)).stdout).toContain('The field has a member __proto__.')
  })

  test.each(['name,hash,name', 'name,hash,__proto__'])('refuses the columns %s', async (header) => {
    const { code, stderr } = await run(['api-keys', 'import', '-'], `${header}\nx,${hash()},y\n`)
    expect(code).toBe(2)
    expect(stderr).toContain('the first line names a column twice, or __proto__')
  })
})
