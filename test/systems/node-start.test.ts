import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { mintage } from '../support/run-cli.ts'
import {
  credentialsOf,
  eventually,
  freePort,
  run,
  type ServiceProcess,
  startServiceProcess,
  temporaryFolder,
} from '../support/service-process.ts'
import { startedFolder } from '../support/started-folder.ts'

describe('a start on any free port (PORT=0)', () => {
  test('has an issuer that names the port: its tokens can be verified, and the CLI finds it, after every start', async () => {
    const { folder } = await startedFolder()
    for (const start of ['second', 'third']) {
      const program = run('src/node/main.ts', { cwd: folder, env: { PORT: '0' } })
      await eventually(async () => program.printed().includes('Mintage is listening'))
      const issuer = /listening on (http:\/\/localhost:\d+) /.exec(program.printed())?.[1] ?? ''
      expect((await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json()).issuer, start).toBe(
        issuer,
      )
      expect((await credentialsOf(folder)).url).toBe(issuer)
      const token = await mintage(['token'], { cwd: folder })
      expect((await mintage(['verify'], { cwd: folder, input: token.stdout })).code, start).toBe(0)
      await program.end()
    }
  })
})

test('a start shows how to exchange the test key, or how to create another one after it was revoked', async () => {
  const { folder } = await startedFolder()
  const first = await startServiceProcess({ folder })
  await eventually(async () =>
    first.printed().includes(`curl -X POST ${first.issuer}/token -H @.mintage/api-key.header`),
  )
  const { apiKey } = await credentialsOf(folder)
  const revoked = { method: 'POST', headers: { 'X-API-Key': apiKey }, body: new URLSearchParams({ token: apiKey }) }
  expect((await fetch(`${first.url}/revoke`, revoked)).status).toBe(200)
  await first.end()
  const second = await startServiceProcess({ folder })
  await eventually(async () => second.printed().includes('mintage api-keys create test --environment test'))
  expect(second.printed()).not.toContain('api-key.header')
})

describe('a start that fails', () => {
  let service: ServiceProcess
  beforeAll(async () => {
    service = await startServiceProcess(await startedFolder())
  })
  const keysOf = async ({ url }: ServiceProcess) => await (await fetch(`${url}/.well-known/jwks.json`)).text()

  test('a second process on the same folder is refused with a clear error and harms nothing', async () => {
    const second = run('src/node/main.ts', { cwd: service.folder, env: { PORT: String(await freePort()) } })
    expect(await second.ended).toBe(1)
    expect(second.printed()).toMatch(/is in use by process \d+/)
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
  })

  test.each([
    ['lost', async (kek: string) => await rm(kek), /KEK file .* is missing/],
    [
      'a different key',
      async (kek: string) => await writeFile(kek, `raw:${Buffer.alloc(32, 7).toString('base64')}\n`),
      /the KEK kek_\S+ is missing: it sealed/,
    ],
    ['cut short', async (kek: string) => await writeFile(kek, 'raw:AAAA\n'), /KEK must be/],
  ])('a KEK that is %s stops the start with a clear error, and creates nothing', async (_name, spoil, words) => {
    const { folder } = await startedFolder()
    const kek = join(folder, '.mintage/kek')
    const original = await readFile(kek, 'utf8')
    await spoil(kek)
    const refused = run('src/node/main.ts', { cwd: folder, env: { PORT: String(await freePort()) } })
    expect(await refused.ended).toBe(1)
    expect(refused.printed()).toMatch(words)
    await writeFile(kek, original)
    const again = await startServiceProcess({ folder })
    // All folders are copies of one first start.
    expect(await keysOf(again)).toBe(await keysOf(service))
    await again.end()
  })

  test('all faults of the configuration are reported together, with exit code 2', async () => {
    const program = run('src/node/main.ts', {
      cwd: await temporaryFolder(),
      env: { PORT: 'http', MINTAGE_TOKEN_TTL: 'soon', MINTAGE_TYPO: '1' },
    })
    expect(await program.ended).toBe(2)
    expect(program.printed()).toMatch(/3 faults[\s\S]*MINTAGE_TYPO[\s\S]*PORT[\s\S]*MINTAGE_TOKEN_TTL/)
  })

  test('a port in use is reported, and the folder is free again', async () => {
    const { folder } = await startedFolder()
    const second = run('src/node/main.ts', { cwd: folder, env: { PORT: new URL(service.url).port } })
    expect(await second.ended).toBe(1)
    expect(second.printed()).toMatch(/EADDRINUSE|in use/)
    await startServiceProcess({ folder })
  })
})
