import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { generateApiKey } from '../../../src/api-keys/format.ts'
import { mintage, mintageProcess, transcript } from '../../support/run-cli.ts'
import {
  credentialsOf,
  eventually,
  type ServiceProcess,
  startServiceProcess,
  temporaryFolder,
} from '../../support/service-process.ts'

// Commands that need a service beside the terminal: verify, doctor, seed.

let service: ServiceProcess
let port: string

beforeAll(async () => {
  service = await startServiceProcess()
  port = new URL(service.url).port
})

const here = (...args: string[]) => mintage(args, { cwd: service.folder, env: { PORT: port } })
const hereProcess = (...args: string[]) => mintageProcess(args, { cwd: service.folder, env: { PORT: port } })

/** With the text on standard input. */
const fed = (input: string, ...args: string[]) => mintage(args, { cwd: service.folder, input })

const newToken = async (...options: string[]) => (await here('token', ...options)).stdout

describe('mintage token --decode', () => {
  test('shows the content of a token, and that nothing was verified', async () => {
    const forged = `${(await newToken()).trim().slice(0, -4)}AAAA`
    const { code, stdout, stderr } = await fed(forged, 'token', '--decode')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^alg {2}ES256\nkid {2}[\w-]{43}\ntyp {2}at\+jwt\n\niss {10}http:\/\/localhost:/)
    expect(stdout).toMatch(/^exp {10}\d+ {2}20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m)
    expect(stderr).toBe('not verified: anybody can write this; `mintage verify` checks it\n')
    expect(JSON.parse((await fed(forged, 'token', '--decode', '--json')).stdout)).toMatchObject({
      verified: false,
      claims: { env: 'test' },
    })
  })

  test.each([
    ['nothing', '', /^error: there is no token on standard input\nhint: mintage token \| mintage token --decode\n$/],
    ['something else', 'hello', /^error: this is not a token/],
  ])('of %s says so', async (_, text, stderr) => {
    expect(await fed(text, 'token', '--decode')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(stderr),
    })
  })
})

describe('mintage verify', () => {
  const verify = async (token: string, ...options: string[]) =>
    await fed(token, 'verify', '--environment', 'test', ...options)

  test('prints the claims of a valid token', async () => {
    const options = { cwd: service.folder, input: await newToken() }
    const { code, stdout, stderr } = await mintageProcess(['verify', '--environment', 'test'], options)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^scope {8}orders:read orders:write$/m)
    expect(stderr).toMatch(
      /^verified: issued by http:\/\/localhost:\d+ for http:\/\/localhost:\d+\/api, test, and not revoked\n$/,
    )
    expect(JSON.parse((await verify(await newToken(), '--json')).stdout)).toMatchObject({
      verified: true,
      claims: { env: 'test' },
    })
  })

  test('takes the environment from the token, unless the option names one', async () => {
    const { code, stderr } = await fed(await newToken(), 'verify')
    expect(stderr).toMatch(/\/api, test, and not revoked\n$/)
    expect(code).toBe(0)
  })

  test('says why a token is not valid and what to do, and exits with 3', async () => {
    const token = (await newToken()).trim()
    const [header = '', payload = '', signature = ''] = token.split('.')
    const changed = `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
    const refused = (words: string, hint: string) => ({
      code: 3,
      stdout: '',
      stderr: `error: not verified: ${words}\nhint: ${hint}\n`,
    })
    expect(await fed(token, 'verify', '--environment', 'live')).toEqual(
      refused('it comes from a key of the other environment', 'mintage verify --environment test'),
    )
    expect(await verify(changed)).toEqual(
      refused(
        'the signature is wrong: the token was changed, or somebody else made it',
        '`mintage token --decode` shows what it says',
      ),
    )
    expect(await verify(token, '--audience', 'https://billing.example')).toEqual(
      refused('it is for another audience', '`mintage verify --audience <aud>` with the aud of the token'),
    )
    expect(await verify('a.b')).toEqual(refused('this is not a well-formed token', 'check that all of it was copied'))
  })

  test('says that a token was revoked', async () => {
    const token = (await newToken()).trim()
    const { apiKey } = await credentialsOf(service.folder)
    const revoked = await fetch(`${service.url}/revoke`, {
      method: 'POST',
      headers: { 'X-API-Key': apiKey },
      body: new URLSearchParams({ token }),
    })
    expect(revoked.status).toBe(200)
    // The feed is signed at most once a second.
    await eventually(async () => (await verify(token)).code === 3, 2000)
    expect((await verify(token)).stderr).toMatch(/^error: not verified: it was revoked\n/)
  })

  test('exits with 1 if the token cannot be verified right now', async () => {
    const run = await verify(await newToken(), '--issuer', 'http://127.0.0.1:9', '--audience', 'x')
    expect(run).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^error: cannot verify the token right now: .*\nhint: check that http:\/\/127\.0\.0\.1:9 is up: mintage doctor\n$/,
      ),
    })
  })
})

describe('mintage seed', () => {
  const bySecret = (text: string) => text.match(/mk_(live|test)_\w{49}/g) ?? []

  test('creates demo data, the same when repeated, and shows each secret once', async () => {
    const first = await here('seed')
    expect(first.stderr).toBe('the secrets are not shown again\n')
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^demo-acme +orders +key_/m) })
    expect(bySecret(first.stdout)).toHaveLength(12)
    const again = await here('seed', '--json')
    const { items } = JSON.parse(again.stdout)
    expect(items.map(({ made, secret }: { made: boolean; secret: null }) => [made, secret])).toEqual(
      items.map(() => [false, null]),
    )
    const { items: keys } = JSON.parse((await here('api-keys', 'list', '--json', '--limit', '200')).stdout)
    expect(new Set(keys.map(({ status }: { status: string }) => status))).toEqual(
      new Set(['usable', 'disabled', 'revoked']),
    )
  })

  test('stops at a service with other data, unless --yes is given', async () => {
    await here('organizations', 'create', 'production')
    expect(transcript(['seed'], await here('seed')).replace(/localhost:\d+/, 'localhost:8787')).toBe(`$ mintage seed
error: confirmation required: http://localhost:8787 already holds an organization. Put demo data into it?
hint: add --yes
[2]
`)
    expect((await here('seed', '--yes')).code).toBe(0)
  })
})

describe('mintage doctor', () => {
  test('finds no fault with a running service', async () => {
    const { code, stdout } = await hereProcess('doctor')
    expect(stdout).toMatch(/^skipped {2}database {14}in use by process \d+, as expected while the service runs$/m)
    expect(stdout.match(/^\w+/gm)?.filter((state) => state !== 'ok')).toEqual(['skipped'])
    for (const name of [
      'service',
      'its database',
      'its migrations',
      'its key ring',
      'metadata',
      'revocation feed',
      'API key',
      'clock of service',
    ]) {
      expect(stdout).toContain(`ok       ${name} `.trimEnd())
    }
    expect(code).toBe(0)
  })

  test('reports a key that does not work', async () => {
    const env = {
      MINTAGE_URL: service.url,
      MINTAGE_API_KEY: generateApiKey('live'),
      MINTAGE_DATA_DIR: '/nowhere/at/all',
    }
    const { code, stdout } = await mintage(['doctor'], { env })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^skipped {2}database +not on this machine; the service runs elsewhere$/m)
    expect(stdout).toMatch(
      /^failed {3}API key +cannot show the API key: client authentication failed\n {9}→ the key is unknown/m,
    )
  })

  test('checks the database itself if the service is down, and changes nothing', async () => {
    const place = await temporaryFolder()
    const nothing = await mintage(['doctor'], { cwd: place, env: { PORT: '9' } })
    expect(nothing).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^failed {3}database +no database in \.mintage\/data\n {9}→ `mintage serve` creates one$/m,
      ),
    })

    await service.end()
    const down = await hereProcess('doctor')
    expect(down.stdout).toMatch(
      /^ok {7}migrations\nok {7}clock of database .*\nok {7}rights\nok {7}locks\nok {7}open transactions\nok {7}custom claims\nok {7}KEK +kek_.*\nok {7}key ring\nfailed {3}service /m,
    )
    expect(down).toMatchObject({
      code: 1,
      stderr: 'error: 1 of 11 checks failed\nhint: fix the first one that failed, then run it again: mintage doctor\n',
    })

    await rename(join(service.folder, '.mintage/kek'), join(service.folder, 'kek-elsewhere'))
    const { checks, healthy } = JSON.parse((await here('doctor', '--json')).stdout)
    expect(healthy).toBe(false)
    expect(checks).toContainEqual({
      name: 'KEK',
      state: 'failed',
      detail: expect.stringMatching(/^the KEK file .* is missing/),
      hint: expect.any(String),
    })
  })

  test('reports all faults of the configuration', async () => {
    const { stdout } = await mintage(['doctor'], { env: { MINTAGE_FOO: '1', MINTAGE_TOKEN_TTL: 'soon' } })
    expect(stdout).toMatch(
      /^failed {3}configuration +the configuration has 2 faults: · MINTAGE_FOO .* · MINTAGE_TOKEN_TTL /m,
    )
  })
})
