import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { serveFromFolder } from '../support/listening-service.ts'
import { mainFile, mintageProcess, transcript } from '../support/run-cli.ts'
import type { TestService } from '../support/test-service.ts'

// What the process adds to a command: arguments, folder, streams, exit code and exit. The tests of the commands need
// none of these.

let service: TestService
let folder: string

beforeAll(async () => {
  ;({ service, folder } = await serveFromFolder())
})

const shown = async (...args: string[]) => transcript(args, await mintageProcess(args, { cwd: folder }))

describe('the program', () => {
  test('finds the credentials in the folder where it starts, prints and exits', async () => {
    expect(await shown('api-keys', 'create', 'orders', '--scope', 'orders:read')).toBe(
      `$ mintage api-keys create orders --scope orders:read
id      key_…
name    orders
secret  mk_live_…
the secret is not shown again: store it where your service reads it
`,
    )
  })

  test('writes only the result to standard output, as JSON for scripts', async () => {
    const { code, stdout, stderr } = await mintageProcess(['token', '--json'], { cwd: folder })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({ token_type: 'Bearer' })
  })

  test('reads the key from the environment, and exits with 1 if the service does not respond', async () => {
    const env = { MINTAGE_URL: 'http://127.0.0.1:9', MINTAGE_API_KEY: generateApiKey('live') }
    expect(transcript(['me'], await mintageProcess(['me'], { env }))).toBe(`$ mintage me
error: no answer from http://127.0.0.1:8787
hint: start it with \`mintage serve\`, or set MINTAGE_URL to its address
[1]
`)
  })

  test('prints its version and nothing else', async () => {
    const root = new URL('../../', import.meta.url)
    const { version, bin } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
    expect(await mintageProcess(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
    // The installed program is as deep in the package as the source, so it finds package.json in the same way.
    expect(new URL('../..', new URL(bin.mintage, root)).href).toBe(root.href)
  })

  test('exits with 2 after a wrong command', async () => {
    expect(await shown('api-keys', 'drop')).toBe(
      "$ mintage api-keys drop\nerror: unknown command 'drop'\nhint: mintage api-keys --help\n[2]\n",
    )
  })

  test('reads a secret from standard input', async () => {
    const { id, secret } = await service.createKey()
    const run = await mintageProcess(['api-keys', 'find-leaked'], { cwd: folder, input: `${secret}\n` })
    expect(run).toMatchObject({ code: 0, stdout: `${id}\n` })
  })

  test('exits silently when its reader stops reading', async () => {
    const child = spawn(process.execPath, [mainFile, 'completion', 'bash'], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    const complaints: Buffer[] = []
    child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk))
    const [code] = await once(child, 'close')
    expect([code, Buffer.concat(complaints).toString()]).toEqual([0, ''])
  })
})

test('only the entries and the terminal read the process: commands are told where they run', () => {
  const cli = new URL('../../src/cli/', import.meta.url)
  const files = readdirSync(cli, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  const asking = files.filter((name) => /\bprocess\.\w/.test(readFileSync(new URL(name, cli), 'utf8')))
  expect(asking.sort()).toEqual(['bin.ts', 'main.ts', 'runtime/terminal.ts'])
})
