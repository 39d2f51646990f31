import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { mintage, mintageProcess } from '../support/run-cli.ts'
import { credentialsOf, run, type ServiceProcess, startServiceProcess } from '../support/service-process.ts'
import { startedFolder } from '../support/started-folder.ts'

async function exchange({ url, folder }: ServiceProcess): Promise<number> {
  const { apiKey } = await credentialsOf(folder)
  return (await fetch(`${url}/token`, { method: 'POST', headers: { Authorization: `Bearer ${apiKey}` } })).status
}

async function cli(service: ServiceProcess, ...args: string[]) {
  const { rootApiKey } = await credentialsOf(service.folder)
  return await mintage(args, { env: { MINTAGE_URL: service.url, MINTAGE_API_KEY: rootApiKey } })
}

describe('the KEK of a running service', () => {
  test('is changed from a file to a passphrase: restart, rewrap, restart without the old one', async () => {
    const { folder } = await startedFolder()
    const old = (await readFile(join(folder, '.mintage/kek'), 'utf8')).trim()
    const MINTAGE_KEK = 'passphrase:a passphrase of the tests'
    const changing = await startServiceProcess({ folder, env: { MINTAGE_KEK, MINTAGE_KEK_PREVIOUS: old } })
    const rewrapped = await cli(changing, 'kek', 'rewrap')
    expect(rewrapped).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^moved 4 of 4 envelopes to passphrase_600000_/),
    })
    await changing.end()
    await rm(join(folder, '.mintage/kek'))
    const changed = await startServiceProcess({ folder, env: { MINTAGE_KEK } })
    expect(await exchange(changed)).toBe(200)
    expect((await cli(changed, 'kek', 'status')).stdout).toMatch(/^seals +4 +4 +passphrase_600000_\S+$/m)
    expect(changed.printed()).not.toContain('a passphrase of the tests')
    await changed.end()
  })

  test('is lost: the start names it, abandon replaces the keys that it sealed, and API keys keep working', async () => {
    const { folder } = await startedFolder()
    await rm(join(folder, '.mintage/kek'))
    const env = { MINTAGE_KEK: generateRawKek() }
    const refused = run('src/node/main.ts', { cwd: folder, env: { ...env, PORT: '0' } })
    expect(await refused.ended).toBe(1)
    const [, lost = ''] = /the KEK (kek_\S+) is missing/.exec(refused.printed()) ?? []
    const tried = await mintageProcess(['kek', 'abandon', lost, '--dry-run'], { cwd: folder, env })
    expect(tried).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^would revoke 4 keys: 2 new keys would sign\n/),
    })
    const abandoned = await mintageProcess(['kek', 'abandon', lost, '--yes'], { cwd: folder, env })
    expect(abandoned).toMatchObject({ code: 0, stdout: 'revoked 4 keys, 2 new ones sign\n' })
    const again = await mintageProcess(['kek', 'abandon', lost, '--yes'], { cwd: folder, env })
    expect(again).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^error: cannot abandon the KEK: this KEK did not seal any key.*\nhint: read docs\/runbooks\/lost-kek.md$/m,
      ),
    })
    const next = await startServiceProcess({ folder, env })
    expect(await exchange(next)).toBe(200)
    await next.end()
  })
})
