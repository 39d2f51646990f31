import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import type { ApiKeyLookup } from '../../src/api-keys/lookup.ts'
import { revokeApiKey } from '../../src/api-keys/revoke.ts'
import { readTokenRequest } from '../../src/oauth/token-request.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { issueAccessToken } from '../../src/token/issue.ts'
import { databaseKinds } from '../support/databases.ts'
import { partsOf } from '../support/oauth-requests.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('an exchange on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service

  const requestOf = (secret: string) => readTokenRequest({ authorization: `Bearer ${secret}`, apiKey: undefined }, '')

  test('stamps the token with the arrival time of the request, however long the process was paused', async () => {
    const key = await service.createKey()
    const receivedAt = clock.now()
    clock.advance(120)
    const { accessToken } = await issueAccessToken(services, requestOf(key.secret), receivedAt)
    expect(partsOf(accessToken).claims.iat).toBe(receivedAt.getTime() / 1000)
  })

  test('A50 that a revocation overtook after the lookup issues no token', async () => {
    const key = await service.createKey()
    const apiKeys: ApiKeyLookup = {
      ...services.apiKeys,
      async byHash(hash) {
        const found = await services.apiKeys.byHash(hash)
        await revokeApiKey(services, systemPrincipal, key.id, { reason: 'other' })
        return found
      },
    }
    for (const overtaken of [{ ...services, apiKeys }, services]) {
      await expect(issueAccessToken(overtaken, requestOf(key.secret), clock.now())).rejects.toMatchObject({
        code: 'api_key_rejected',
      })
    }
  })

  test('never reports more lifetime than was left when the request arrived', async () => {
    const key = await service.createKey()
    const receivedAt = new Date(clock.now().getTime() + 750)
    const { accessToken, expiresInSeconds } = await issueAccessToken(services, requestOf(key.secret), receivedAt)
    expect(receivedAt.getTime() + expiresInSeconds * 1000).toBeLessThanOrEqual(
      Number(partsOf(accessToken).claims.exp) * 1000,
    )
  })

  test.each([
    ['expires', (end: Date) => ({ expiresAt: end })],
    ['is replaced by a new version', (end: Date) => ({ versionExpiresAt: end })],
    ['will be revoked', (end: Date) => ({ revokedAt: end })],
  ])('for a key that %s within a second is refused, and never answers with a lifetime of zero', async (_, settings) => {
    const arrival = Math.ceil(clock.now().getTime() / 1000) * 1000 + 400
    const { secret } = await service.createKey(settings(new Date(arrival + 900)))
    const issue = (at: number) => issueAccessToken(services, requestOf(secret), new Date(at))
    await expect(issue(arrival)).rejects.toMatchObject({ code: 'api_key_rejected', reason: 'expired' })
    expect((await issue(arrival - 1000)).expiresInSeconds).toBe(1)
  })

  test('for one second answers with one second, also in the middle of a second', async () => {
    const { secret } = await service.createKey()
    const request = readTokenRequest({ authorization: `Bearer ${secret}`, apiKey: undefined }, 'expires_in=1')
    const receivedAt = new Date(Math.ceil(clock.now().getTime() / 1000) * 1000 + 400)
    expect((await issueAccessToken(services, request, receivedAt)).expiresInSeconds).toBe(1)
  })

  test('signs with the new signing key as soon as the lookup has seen the change', async () => {
    const key = await service.createKey()
    const before = partsOf((await issueAccessToken(services, requestOf(key.secret), clock.now())).accessToken).header
      .kid
    const { kid } = await rotateSigningKey(services, systemPrincipal, { purpose: 'token', force: true })
    const after = partsOf((await issueAccessToken(services, requestOf(key.secret), clock.now())).accessToken).header.kid
    expect(after).toBe(kid)
    expect(after).not.toBe(before)
  })
})
