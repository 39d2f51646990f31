import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { databaseKinds } from '../support/databases.ts'
import { createDeployment } from '../support/deployment.ts'
import { callOrders, createKey, exchange, revokeKey, startProtectedApp } from '../support/journey.ts'
import { findPostgresBinaries } from '../support/postgres-cluster.ts'
import { mainFile, mintage, mintageProcess } from '../support/run-cli.ts'
import { eventually, startServiceProcess, temporaryFolder } from '../support/service-process.ts'
import { startedFolder } from '../support/started-folder.ts'

const execute = promisify(execFile)
const binaries = findPostgresBinaries()

const page = readFileSync(resolve(import.meta.dirname, '../../docs/revocation.md'), 'utf8')
const section = page.slice(page.indexOf('## After a restore from backup'))
/** The commands that the page tells an operator to type, one text for each block. */
const [backUp = '', restore = ''] = [...section.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, block = '']) =>
  block.replaceAll(/^\$ /gm, ''),
)

/** Runs commands of the page as an operator does: with the tools of PostgreSQL and with `mintage` on the path. */
async function operatorShell(env: Record<string, string>): Promise<(commands: string) => Promise<string>> {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'mintage'), `#!/bin/sh\nexec "${process.execPath}" "${mainFile}" "$@"\n`, {
    mode: 0o755,
  })
  const path = [folder, binaries, process.env.PATH].join(':')
  return async (commands) => {
    const { stdout, stderr } = await execute('bash', ['-c', commands], { cwd: folder, env: { ...env, PATH: path } })
    return stdout + stderr
  }
}

describe.runIf(databaseKinds.includes('postgres') && binaries)('a database restored from a backup', () => {
  test('A55 revokes every token issued until then, also in verifiers that kept running, and accepts new ones', async () => {
    if (!binaries) throw new Error('PostgreSQL has binaries')
    const { databaseUrl: url, issuer, port, rootKey, env, start } = await createDeployment()
    const service = await start()
    const app = await startProtectedApp(issuer)
    const apiKey = await createKey(service.url, rootKey, {
      name: 'before the backup',
      environment: 'test',
      scopes: ['orders:read'],
    })

    const shell = await operatorShell({ ...env, PORT: String(port), DATABASE_MIGRATION_URL: url })
    await shell(backUp)
    const token = await exchange(service.url, { method: 'POST', headers: { 'x-api-key': apiKey.secret } })
    await eventually(async () => (await callOrders(app, token)).status === 200)
    expect((await revokeKey(service.url, rootKey, apiKey.id)).status).toBe(204)
    await eventually(async () => (await callOrders(app, token)).status === 401, 2000)
    await service.end()

    expect(restore).toContain('mintage restored')
    let printed = await shell(restore)
    // On a busy machine a call may pass the product's own deadline. An operator would repeat it, too.
    while (printed.includes('the database does not answer')) printed = await shell(restore)
    expect(printed).toMatch(/work again: revoke them now/)

    const again = await start()
    // The backup does not contain the key's revocation, but its old token stays revoked.
    const fresh = async () => await exchange(again.url, { method: 'POST', headers: { 'x-api-key': apiKey.secret } })
    await eventually(async () => (await callOrders(app, await fresh())).status === 200)
    expect((await callOrders(app, token)).status).toBe(401)
    const events = await fetch(`${again.url}/v1/audit-events`, { headers: { 'x-api-key': rootKey } })
    expect(JSON.stringify(await events.json())).toContain('service.restored')
  })
})

test('a data folder that was put back from a copy needs no other step than `mintage restored`', async () => {
  const { folder, rootApiKey } = await startedFolder()
  const tried = await mintageProcess(['restored', '--dry-run'], { cwd: folder })
  expect(tried).toMatchObject({ code: 0, stderr: expect.stringContaining('the backup does not know them') })
  const declared = await mintageProcess(['restored', '--yes'], { cwd: folder })
  expect(declared, declared.stderr).toMatchObject({ code: 0 })
  const service = await startServiceProcess({ folder })
  const listed = await mintage(['audit', 'list', '--type', 'service.restored'], {
    env: { MINTAGE_URL: service.url, MINTAGE_API_KEY: rootApiKey },
  })
  expect(listed.stdout).toMatch(/ service\.restored +success +system /)
  await service.end()
})
