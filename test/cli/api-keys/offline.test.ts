import { expect, test } from 'vitest'
import { generateApiKey, parseApiKey } from '../../../src/api-keys/format.ts'
import { mintage } from '../../support/run-cli.ts'

test.each([
  ['live', {}, 'mk', []],
  ['test', {}, 'mk', ['--environment', 'test']],
  ['live', { MINTAGE_API_KEY_PREFIX: 'acme' }, 'acme', []],
] as const)('a %s key is made offline, each time another one', async (environment, env, prefix, options) => {
  const make = async () => (await mintage(['api-keys', 'generate', ...options], { env })).stdout.trim()
  const [one, other] = [await make(), await make()]
  expect(parseApiKey(one, [prefix])).toEqual({ environment, prefix })
  expect(one).not.toBe(other)
})

test('a key on standard input is inspected offline, and is not printed', async () => {
  const secret = generateApiKey('test', 'acme')
  const { code, stdout, stderr } = await mintage(['api-keys', 'inspect'], { input: `${secret}\n` })
  expect([code, stdout]).toEqual([
    0,
    `well-formed  yes\nenvironment  test\nprefix       acme\nhint         …${secret.slice(-10, -6)}\n`,
  ])
  expect(stderr).toMatch(/^a service accepts it only if its MINTAGE_API_KEY_PREFIX/)
  const json = await mintage(['api-keys', 'inspect', '--json'], { input: secret })
  expect(JSON.parse(json.stdout)).toMatchObject({ environment: 'test', prefix: 'acme' })
  expect(stdout + stderr + json.stdout).not.toContain(secret)
})

test.each([
  [
    'with a letter missing',
    generateApiKey('live').slice(0, -1),
    /^error: not well-formed: a letter is wrong or missing\n/,
  ],
  ['with another environment', generateApiKey('test').replace('_test_', '_live_'), /a letter is wrong or missing/],
  ['of another system', 'sk-proj-1234', /not a key of Mintage/],
])('a key %s is not well-formed: exit code 3', async (_, input, message) => {
  const { code, stdout, stderr } = await mintage(['api-keys', 'inspect'], { input })
  expect([code, stdout]).toEqual([3, ''])
  expect(stderr).toMatch(message)
  expect(stderr).not.toContain(input)
})

test('nothing on standard input is a wrong command', async () => {
  expect(await mintage(['api-keys', 'inspect'])).toMatchObject({ code: 2 })
})
