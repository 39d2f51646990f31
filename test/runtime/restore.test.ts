import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { databaseKinds } from '../support/databases.ts'
import { createDeployment } from '../support/deployment.ts'
import { callOrders, createKey, exchange, revokeKey, startProtectedApp } from '../support/journey.ts'
import { findPostgresBinaries } from '../support/postgres-cluster.ts'
import { mintageProcess } from '../support/run-cli.ts'
import { eventually, temporaryFolder } from '../support/service-process.ts'

const postgres = promisify(execFile)
const binaries = findPostgresBinaries()

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

    const backup = join(await temporaryFolder(), 'mintage.dump')
    await postgres(join(binaries, 'pg_dump'), ['--format=custom', `--file=${backup}`, url])
    const token = await exchange(service.url, { method: 'POST', headers: { 'x-api-key': apiKey.secret } })
    await eventually(async () => (await callOrders(app, token)).status === 200)
    expect((await revokeKey(service.url, rootKey, apiKey.id)).status).toBe(204)
    await eventually(async () => (await callOrders(app, token)).status === 401, 2000)
    await service.end()

    await postgres(join(binaries, 'pg_restore'), [
      '--clean',
      '--if-exists',
      '--single-transaction',
      `--dbname=${url}`,
      backup,
    ])
    const declare = () => mintageProcess(['restored', '--yes'], { env: { ...env, PORT: String(port) } })
    let restored = await declare()
    // On a busy machine a call may pass the product's own deadline. An operator would repeat it, too.
    while (restored.stderr.includes('the database does not answer')) restored = await declare()
    expect(restored.code, restored.stderr).toBe(0)
    expect(restored.stderr).toMatch(/work again: revoke them now/)

    const again = await start()
    // The backup does not contain the key's revocation, but its old token stays revoked.
    const fresh = async () => await exchange(again.url, { method: 'POST', headers: { 'x-api-key': apiKey.secret } })
    await eventually(async () => (await callOrders(app, await fresh())).status === 200)
    expect((await callOrders(app, token)).status).toBe(401)
    const events = await fetch(`${again.url}/v1/audit-events`, { headers: { 'x-api-key': rootKey } })
    expect(JSON.stringify(await events.json())).toContain('service.restored')
  })
})
