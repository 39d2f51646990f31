import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { exportTrail } from '../../support/audit-trail.ts'
import { serve } from '../../support/listening-service.ts'
import { type CliOptions, mintage, mintageProcess, transcript } from '../../support/run-cli.ts'
import { temporaryFolder } from '../../support/service-process.ts'
import { startTestService, type TestService } from '../../support/test-service.ts'

let service: TestService
let folder: string
let online: CliOptions
/** Has no service: offline verification must not look for one. */
let offline: CliOptions

beforeAll(async () => {
  service = await startTestService()
  folder = await temporaryFolder()
  online = { cwd: folder, env: { MINTAGE_URL: await serve(service), MINTAGE_API_KEY: service.rootKey } }
  offline = { cwd: folder, env: { MINTAGE_URL: 'http://127.0.0.1:1' } }
  await mintage(['api-keys', 'create', 'orders'], online)
  await mintage(['api-keys', 'create', 'billing'], online)
})

const path = (name: string) => join(folder, name)

/** Folds what changes from run to run. */
function folded(text: string): string {
  return text.replaceAll(/[0-9a-f]{64}/g, '<hash>').replaceAll(/^(by key +)[\w-]{43}$/gm, '$1<kid>')
}

async function shown(args: readonly string[], options: CliOptions): Promise<string> {
  return folded(transcript(args, await mintage(args, options)))
}

describe('an export', () => {
  test('goes to a new file that only its owner can read, and is verified there without the service', async () => {
    expect(await shown(['audit', 'export', '--output', 'trail.jsonl'], online)).toBe(
      '$ mintage audit export --output trail.jsonl\nwrote trail.jsonl\n',
    )
    expect((await stat(path('trail.jsonl'))).mode & 0o777).toBe(0o600)
    expect(await shown(['audit', 'verify', 'trail.jsonl'], offline)).toBe(`$ mintage audit verify trail.jsonl
verified  4 events, 4 of them in full
issuer    https://auth.example
head      4:<hash>
signed    2026-11-02T10:00:00.000Z
by key    <kid>
the keys came with the trail: pass --record-keys with your own copy to prove whose they are
`)
  })

  test('never overwrites a file', async () => {
    await writeFile(path('taken'), 'mine')
    expect(await shown(['audit', 'export', '--output', 'taken'], online)).toBe(`$ mintage audit export --output taken
error: cannot export to taken: the file exists already
hint: give another --output
[1]
`)
    expect(await readFile(path('taken'), 'utf8')).toBe('mine')
  })

  test('goes to standard output byte for byte as the service sent it', async () => {
    const { stdout, code } = await mintageProcess(
      ['audit', 'export', '--format', 'csv', '--type', 'api_key.created'],
      online,
    )
    expect(code).toBe(0)
    expect(stdout.split('\r\n')).toHaveLength(4)
    const { stdout: trail } = await mintage(['audit', 'export'], online)
    await writeFile(path('stdout.jsonl'), trail)
    expect((await mintage(['audit', 'verify', 'stdout.jsonl'], offline)).code).toBe(0)
  })
})

describe('verify', () => {
  test('without a file reads the trail from the service', async () => {
    expect(await shown(['audit', 'verify'], online)).toMatch(/^verified {2}\d+ events, \d+ of them in full$/m)
  })

  test('with pinned keys has no warnings', async () => {
    await writeFile(path('record-keys.json'), await (await service.request('/.well-known/record-keys.json')).text())
    const { code, stderr } = await mintage(
      ['audit', 'verify', 'trail.jsonl', '--record-keys', 'record-keys.json'],
      offline,
    )
    expect([code, stderr]).toEqual([0, ''])
  })

  test('shows what was changed and where, and exits with 3', async () => {
    const lines = await exportTrail(service)
    const place = lines.findIndex((line) => line.includes('"billing"'))
    await writeFile(
      path('edited.jsonl'),
      lines.with(place, (lines[place] ?? '').replace('"billing"', '"nothing"')).join('\n'),
    )
    expect(await shown(['audit', 'verify', 'edited.jsonl'], offline)).toBe(`$ mintage audit verify edited.jsonl
broken: event 3 (evt_…, api_key.created) was changed: what it says does not give its hash (line 6)
error: the audit trail was changed: one fault
hint: keep the file unchanged, and read docs/audit.md#when-it-is-broken
[3]
`)
    const { stdout, stderr, code } = await mintage(['audit', 'verify', 'edited.jsonl', '--json'], offline)
    expect(code).toBe(3)
    expect(JSON.parse(stdout)).toMatchObject({ faults: [{ kind: 'edited', sequence: 3, line: 6 }] })
    expect(JSON.parse(stderr)).toMatchObject({ error: 'not_verified' })
  })

  test('compares a trail with a checkpoint and a head that were kept', async () => {
    const before = path('before.jsonl')
    await writeFile(before, (await exportTrail(service)).join('\n'))
    const { stdout } = await mintage(['audit', 'checkpoint', '--json'], online)
    await writeFile(path('checkpoint.json'), stdout)
    const { sequence, hash } = JSON.parse(stdout)
    for (const kept of [
      ['--checkpoint', 'checkpoint.json'],
      ['--head', `${sequence}:${hash}`],
    ]) {
      expect((await mintage(['audit', 'verify', ...kept], online)).code).toBe(0)
      const { code, stderr } = await mintage(['audit', 'verify', before, ...kept], offline)
      expect(code).toBe(3)
      expect(stderr).toMatch(/^broken: the trail ends at event \d+, but .* speaks of event \d+: it was cut/)
    }
  })

  test('accepts the line ends of another system', async () => {
    await writeFile(path('crlf.jsonl'), (await exportTrail(service)).map((line) => `${line}\r\n`).join(''))
    expect((await mintage(['audit', 'verify', 'crlf.jsonl'], offline)).code).toBe(0)
  })

  test('reads standard input if the file is -', async () => {
    const input = (await exportTrail(service)).join('\n')
    expect(await mintage(['audit', 'verify', '-'], { ...offline, input })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^verified {2}\d+ events/),
    })
    expect(await mintage(['audit', 'verify', '-'], { ...offline, input: input.slice(0, -100) })).toMatchObject({
      code: 3,
    })
  })

  test.each([
    [['nowhere.jsonl'], 1, 'nowhere.jsonl: the file cannot be read'],
    [['trail.jsonl', '--record-keys', 'nowhere.json'], 1, 'nowhere.json: the file cannot be read as JSON'],
    [['trail.jsonl', '--record-keys', 'checkpoint.json'], 1, 'checkpoint.json: the file is not a JWK Set'],
    [['trail.jsonl', '--checkpoint', 'record-keys.json'], 1, 'record-keys.json: the file holds no checkpoint'],
    [['trail.jsonl', '--checkpoint', 'nowhere.json'], 1, 'nowhere.json: the file cannot be read'],
    [['trail.jsonl', '--head', '5'], 2, 'must be <sequence>:<64 hexadecimal digits>'],
  ])('%j exits with %i and says why', async (args, code, message) => {
    const run = await mintage(['audit', 'verify', ...args], offline)
    expect(run.code).toBe(code)
    expect(run.stderr).toContain(message)
  })
})

test('checkpoint shows what to keep', async () => {
  const text = await shown(['audit', 'checkpoint'], online)
  expect(text).toMatch(/^head {4}\d+:<hash>$/m)
  expect(text).toMatch(/^jws {5}eyJ[\w-]+\.[\w-]+\.[\w-]+$/m)
  expect(text).toMatch(/store it where the service cannot write, for: mintage audit verify --checkpoint <file>/)
})

test('list accepts the filters of the admin API', async () => {
  const { stdout } = await mintage(
    ['audit', 'list', '--type', 'api_key.created', '--result', 'success', '--json'],
    online,
  )
  expect(JSON.parse(stdout).items.map(({ type }: { type: string }) => type)).toEqual([
    'api_key.created',
    'api_key.created',
  ])
  expect(await shown(['audit', 'list', '--from', '2030-01-01T00:00:00Z'], online)).toBe(
    '$ mintage audit list --from 2030-01-01T00:00:00Z\nno audit events\n',
  )
})
