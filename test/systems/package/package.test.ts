import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Application,
  installApplication,
  installed,
  packBoth,
  runInstalled,
  startPackedService,
} from './downstream.ts'

let service: Awaited<ReturnType<typeof startPackedService>>
let stopService: () => Promise<void> = async () => {}
let whole: Application
let kit: Application
const folder = mkdtempSync(join(tmpdir(), 'mintage-package-'))

beforeAll(async () => {
  mkdirSync(join(folder, 'tarballs'))
  const tarballs = await packBoth(join(folder, 'tarballs'))
  ;[whole, kit] = await Promise.all([
    installApplication(join(folder, 'whole'), 'mintage', tarballs.whole),
    installApplication(join(folder, 'kit'), 'mintage-kit', tarballs.kit),
  ])
  report()
  service = await startPackedService(whole.folder)
  stopService = service.stop
})

afterAll(async () => {
  await stopService()
  rmSync(folder, { recursive: true, force: true })
})

const packages = [
  ['mintage', () => whole],
  ['mintage-kit', () => kit],
] as const

describe.each(packages)('an application on %s', (_name, application) => {
  test.each(['dom', 'node'] as const)(
    'type-checks with its libraries checked, on the types of %s',
    async (libraries) => {
      expect(await application().typeCheck(libraries)).toBe('')
    },
  )

  test('has exactly one copy of Hono, its own', () => {
    expect(installed(application().folder).packages.filter((path) => /(^|\/)hono$/.test(path))).toEqual(['hono'])
  })

  test('protects a route with the installed package, and refuses a revoked token', async () => {
    const token = await exchange()
    const running = application().start({ ISSUER: service.issuer, AUDIENCE: `${service.issuer}/api` })
    try {
      expect(await running.ask('none')).toEqual([401, expect.any(String)])
      expect(await running.ask('a.b.c')).toEqual([401, expect.any(String)])
      expect(await running.ask(token)).toEqual([200, expect.stringContaining('"by":"key_')])
      await revoke(token)
      await expect.poll(async () => (await running.ask(token))[0], { timeout: 60_000 }).toBe(401)
    } finally {
      await running.stop()
    }
  })
})

test('the installed program prints its version', async () => {
  expect(await runInstalled(whole.folder, 'mintage', ['--version'])).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test('the kit installs nothing of the server', () => {
  expect(installed(kit.folder).packages.sort()).toEqual(['hono', 'jose', 'mintage-kit'])
})

async function exchange(): Promise<string> {
  const response = await fetch(`${service.issuer}/token`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${service.apiKey}` },
  })
  expect(response.status).toBe(200)
  return (await response.json()).access_token
}

async function revoke(token: string): Promise<void> {
  const headers = { Authorization: `Bearer ${service.apiKey}` }
  const response = await fetch(`${service.issuer}/revoke`, {
    method: 'POST',
    headers,
    body: new URLSearchParams({ token }),
  })
  expect(response.status).toBe(200)
}

function report(): void {
  for (const [name, application] of packages) {
    const { bytes, packages: found } = installed(application().folder)
    console.log(`installed with ${name}: ${(bytes / 1e6).toFixed(1)} MB in ${found.length} packages`)
  }
}
