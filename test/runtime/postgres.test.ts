import { describe, expect, test } from 'vitest'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { databaseKinds } from '../support/databases.ts'
import { createDeployment } from '../support/deployment.ts'
import { callOrders, createKey, exchange, liveTheJourney, revokeKey, startProtectedApp } from '../support/journey.ts'
import { eventually, freePort, run, temporaryFolder } from '../support/service-process.ts'

describe.runIf(databaseKinds.includes('postgres'))('the service on Node with PostgreSQL', () => {
  test('by synced list, revoking a key soon revokes all of its tokens', async () => {
    const { databaseUrl, issuer, rootKey, start } = await createDeployment()
    const service = await start()
    const app = await startProtectedApp(issuer, { MINTAGE_REVOCATIONS_URL: databaseUrl })
    const took = await liveTheJourney(service, app, rootKey, 1000)
    console.info(`refused by synced list after ${Math.round(took)} ms`)
  })

  test('by feed, too', async () => {
    const { issuer, rootKey, start } = await createDeployment()
    const service = await start()
    const took = await liveTheJourney(service, await startProtectedApp(issuer), rootKey, 2000)
    console.info(`refused by feed after ${Math.round(took)} ms`)
  })

  test('a revocation through one instance is refused by a verifier that reads the feed of another', async () => {
    const { issuer, rootKey, start } = await createDeployment()
    const first = await start()
    const second = await start(await freePort())
    const app = await startProtectedApp(issuer)
    const apiKey = await createKey(second.url, rootKey, {
      name: 'shared',
      environment: 'test',
      scopes: ['orders:read'],
    })
    const token = await exchange(second.url, { method: 'POST', headers: { 'x-api-key': apiKey.secret } })
    expect((await callOrders(app, token)).status).toBe(200)
    expect((await revokeKey(second.url, rootKey, apiKey.id)).status).toBe(204)
    await eventually(async () => (await callOrders(app, token)).status === 401, 2000)
    await eventually(async () => {
      const body = new URLSearchParams({ token })
      const answer = await fetch(`${first.url}/introspect`, {
        method: 'POST',
        headers: { authorization: `Bearer ${rootKey}` },
        body,
      })
      return (await answer.json()).active === false
    }, 2000)
  })

  test('two concurrent first starts create one key ring and one root key', async () => {
    const { rootKey, start } = await createDeployment()
    const [first, second] = await Promise.all([start(), start(await freePort())])
    const sets = await Promise.all(
      [first, second].map(async ({ url }) => await (await fetch(`${url}/.well-known/jwks.json`)).json()),
    )
    expect(sets[0]).toEqual(sets[1])
    expect(sets[0].keys).toHaveLength(2)
    const listed = await fetch(`${first.url}/v1/api-keys`, { headers: { 'x-api-key': rootKey } })
    expect((await listed.json()).items).toHaveLength(1)
  })

  test('a database that was never started is refused with the command to run', async () => {
    const { env } = await createDeployment()
    const { MINTAGE_ROOT_API_KEY: _undeclared, ...others } = env
    const program = run('src/node/main.ts', {
      cwd: await temporaryFolder(),
      env: { ...others, PORT: String(await freePort()) },
    })
    expect(await program.ended).toBe(1)
    expect(program.printed()).toMatch(/mintage bootstrap/)
  })

  test('a KEK that did not seal the ring stops the start and names the one that did', async () => {
    const { env, start } = await createDeployment()
    await (await start()).end()
    const wrong = { ...env, MINTAGE_KEK: generateRawKek(), PORT: String(await freePort()) }
    const program = run('src/node/main.ts', { cwd: await temporaryFolder(), env: wrong })
    expect(await program.ended).toBe(1)
    expect(program.printed()).toMatch(/the KEK kek_\S+ is missing: it sealed [\w-]{43}/)
    expect((await (await fetch(`${(await start()).url}/.well-known/jwks.json`)).json()).keys).toHaveLength(2)
  })
})
