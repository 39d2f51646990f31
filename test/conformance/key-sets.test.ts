import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { systemPrincipal } from '../../src/access/principal.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { exchange, partsOf } from '../support/oauth-requests.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

let service: TestService
let secret: string

beforeAll(async () => {
  service = await startTestService()
  secret = (await service.createKey()).secret
})

const keySet = z.object({ keys: z.array(z.object({ kid: z.string() }).loose()) })

async function publishedKids(): Promise<string[]> {
  return keySet.parse(await (await service.request('/.well-known/jwks.json')).json()).keys.map(({ kid }) => kid)
}

async function signingKid(): Promise<string> {
  return String(partsOf((await exchange(service, secret)).access_token).header.kid)
}

test('R91 a key is published before it signs, longer than any verifier waits, and stays until all of its tokens have expired', async () => {
  const { jwksMaxAgeSeconds, maxTokenTtlSeconds, clockToleranceSeconds } = service.services.config
  const former = await signingKid()
  const next = (await publishedKids()).find((kid) => kid !== former)
  await expect(rotateSigningKey(service.services, systemPrincipal, { purpose: 'token' })).rejects.toMatchObject({
    code: 'too_early',
  })

  service.clock.advance(jwksMaxAgeSeconds + 600 + clockToleranceSeconds + 1)
  await rotateSigningKey(service.services, systemPrincipal, { purpose: 'token' })
  expect(await signingKid()).toBe(next)

  service.clock.advance(maxTokenTtlSeconds + clockToleranceSeconds + jwksMaxAgeSeconds)
  expect(await publishedKids()).toContain(former)
  service.clock.advance(clockToleranceSeconds + 2)
  expect(await publishedKids()).not.toContain(former)
  expect(await publishedKids()).toContain(next)
})
