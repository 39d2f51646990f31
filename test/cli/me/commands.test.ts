import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { serveFromFolder } from '../../support/listening-service.ts'
import { mintage } from '../../support/run-cli.ts'

let place: Awaited<ReturnType<typeof serveFromFolder>>
beforeEach(async () => {
  place = await serveFromFolder()
})

const file = async () => JSON.parse(await readFile(join(place.folder, '.mintage/credentials.json'), 'utf8'))
const here = async (args: string[], env: Record<string, string> = {}) => {
  return await mintage(args, { cwd: place.folder, env })
}

test('a rotation in the folder of a first start keeps the new secret in its file, readable by its owner only', async () => {
  const before = await file()
  const rotated = await here(['me', 'rotate', '--overlap', '0', '--yes', '--json'])
  const { secret } = JSON.parse(rotated.stdout)
  expect(await file()).toEqual({ ...before, rootApiKey: secret })
  expect((await stat(join(place.folder, '.mintage/credentials.json'))).mode & 0o777).toBe(0o600)
  expect(JSON.parse((await here(['me', '--json'])).stdout)).toMatchObject({ version: 2, worksUntil: null })
})

test('a rotation that is taken back there leaves a root key that works, and no secret that has ended', async () => {
  const before = await file()
  await here(['me', 'rotate', '--overlap', '1h'])
  expect(await file()).toMatchObject({ previousRootApiKey: before.rootApiKey })
  const cancelled = await here(['me', 'rotate', '--cancel', '--yes'])
  expect(cancelled.stderr).toMatch(/^the previous secret is in \.mintage\/credentials\.json again/m)
  expect(await file()).toEqual(before)
  expect(JSON.parse((await here(['me', '--json'])).stdout)).toMatchObject({ version: 1, worksUntil: null })
})

test('a rotation of the test key also changes the header file for curl', async () => {
  const { apiKey } = await file()
  const rotated = await here(['me', 'rotate'], { MINTAGE_API_KEY: apiKey })
  expect(rotated.stderr).toMatch(/^the new secret is in \.mintage\/credentials\.json/m)
  const { apiKey: secret } = await file()
  expect(rotated.stdout).toContain(secret)
  expect(await readFile(join(place.folder, '.mintage/api-key.header'), 'utf8')).toBe(
    `Authorization: Bearer ${secret}\n`,
  )
})

test('a rotation of another key leaves the files unchanged', async () => {
  const before = await file()
  const { secret } = await place.service.createKey()
  const rotated = await here(['me', 'rotate'], { MINTAGE_API_KEY: secret })
  expect([rotated.code, await file()]).toEqual([0, before])
  expect(rotated.stderr).not.toContain('credentials.json')
})

test('me and doctor say until when the secret in use works', async () => {
  const { secret } = await place.service.createKey({ expiresAt: new Date('2026-11-02T12:00:00Z') })
  const env = { MINTAGE_API_KEY: secret, MINTAGE_URL: place.url }
  const shown = async (...args: string[]) => (await here(args, env)).stdout
  expect(await shown('me')).toMatch(/^works until {2}2026-11-02T12:00:00Z$/m)
  await here(['me', 'rotate', '--overlap', '1h'], env)
  expect(await shown('me')).toMatch(/^works until {2}2026-11-02T11:00:00Z$/m)
  expect(await shown('doctor')).toMatch(/^ok +API key +key_\w+, works until 2026-11-02T11:00:00Z$/m)
})
