import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { postgresRevocationList } from '../../src/kit/revocation/index.ts'
import { createVerifier } from '../../src/kit/verify.ts'
import { databaseKinds } from '../support/databases.ts'
import { createDeployment } from '../support/deployment.ts'
import { createKey, exchange } from '../support/journey.ts'
import { eventually, freePort } from '../support/service-process.ts'

const jwksMaxAgeSeconds = 2

/** Without a revocation list: it only learns from the key set, which it keeps for `max-age`. */
function keySetOnly(issuer: string) {
  let copy: { set: JSONWebKeySet; at: number } | undefined
  return async (text: string) => {
    if (!copy || Date.now() - copy.at >= jwksMaxAgeSeconds * 1000) {
      const at = Date.now()
      copy = { set: await (await fetch(`${issuer}/.well-known/jwks.json`)).json(), at }
    }
    await jwtVerify(text, createLocalJWKSet(copy.set), { issuer })
  }
}

async function introspect(service: { url: string }, rootKey: string, token: string): Promise<void> {
  const body = new URLSearchParams({ token })
  const answer = await fetch(`${service.url}/introspect`, {
    method: 'POST',
    headers: { authorization: `Bearer ${rootKey}` },
    body,
  })
  if ((await answer.json()).active !== true) throw new Error('inactive')
}

describe.runIf(databaseKinds.includes('postgres'))('A62 · a signing key that leaked', () => {
  test('A62 · is refused by every kind of reader within its published bound, and the new tokens are accepted', async () => {
    const deployment = await createDeployment({ MINTAGE_JWKS_MAX_AGE: String(jwksMaxAgeSeconds) })
    const { databaseUrl: url, issuer, rootKey } = deployment
    const first = await deployment.start()
    const second = await deployment.start(await freePort())
    const metadata: { revocation_latency_seconds: number } = await (
      await fetch(`${issuer}/.well-known/oauth-authorization-server`)
    ).json()
    const listBound = metadata.revocation_latency_seconds * 1000
    const apiKey = await createKey(first.url, rootKey, { name: 'orders', environment: 'live', scopes: [] })
    const issue = async (service: { url: string }) =>
      await exchange(service.url, { method: 'POST', headers: { 'x-api-key': apiKey.secret } })

    const options = { issuer, audience: `${issuer}/api` }
    const feed = createVerifier(options)
    const synced = createVerifier({ ...options, revocations: postgresRevocationList({ url }) })
    const strict = createVerifier({ ...options, revocations: postgresRevocationList({ url, mode: 'strict' }) })
    const readers: Record<string, { check: (text: string) => Promise<unknown>; bound: number }> = {
      feed: { check: async (text) => await feed.verify(text), bound: listBound },
      'synced list': { check: async (text) => await synced.verify(text), bound: listBound },
      'strict list': { check: async (text) => await strict.verify(text), bound: 1000 },
      'introspection at the instance that replaced': { check: (text) => introspect(first, rootKey, text), bound: 1000 },
      'introspection at another one': { check: (text) => introspect(second, rootKey, text), bound: listBound },
      'key set only': { check: keySetOnly(issuer), bound: (jwksMaxAgeSeconds + 1 + 1) * 1000 },
    }
    const leaked = await issue(second)
    const { kid } = decodeProtectedHeader(leaked)
    for (const { check } of Object.values(readers)) await eventually(() => check(leaked).then(() => true))

    const answer = await fetch(`${first.url}/v1/signing-keys/replace`, {
      method: 'POST',
      headers: { authorization: `Bearer ${rootKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ compromised: true, reason: 'in a public repository' }),
    })
    expect([answer.status, (await answer.json()).revoked[0].kid]).toEqual([200, kid])
    // From the answer on, no instance signs with it, even one that did not get the request.
    const next = await Promise.all([first, second, first, second].map(issue))
    for (const token of next) expect(decodeProtectedHeader(token).kid).not.toBe(kid)

    const took = await Promise.all(
      Object.entries(readers).map(async ([name, { check, bound }]) => {
        const refused = async () =>
          await check(leaked).then(
            () => false,
            () => true,
          )
        return `${name} ${Math.round(await eventually(refused, bound))} ms`
      }),
    )
    console.info(`a leaked kid is refused after: ${took.join(', ')}`)
    for (const [name, { check }] of Object.entries(readers)) {
      for (const token of next)
        await expect(
          check(token).then(() => 'accepted'),
          name,
        ).resolves.toBe('accepted')
    }
    const { keys }: JSONWebKeySet = await (await fetch(`${second.url}/.well-known/jwks.json`)).json()
    expect(keys.map((key) => key.kid)).not.toContain(kid)
    for (const verifier of [feed, synced, strict]) await verifier.close()
    for (const verifier of [synced, strict]) await verifier.revocations.close()
  })
})
