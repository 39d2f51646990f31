import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { deleteApiKey } from '../../src/api-keys/delete.ts'
import { disableApiKey, expireApiKey } from '../../src/api-keys/disable.ts'
import { revokeApiKey } from '../../src/api-keys/revoke.ts'
import { rotateApiKey } from '../../src/api-keys/rotate.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange } from '../support/oauth-requests.ts'
import { outcome } from '../support/test-issuer.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

describe.each(databaseKinds)('A50: a key that ends while it is being exchanged, on %s', (kind) => {
  test.each([
    [
      'revoked',
      (service: TestService, id: string) => revokeApiKey(service.services, systemPrincipal, id, { reason: 'leaked' }),
    ],
    ['deleted', (service: TestService, id: string) => deleteApiKey(service.services, systemPrincipal, id)],
    ['disabled', (service: TestService, id: string) => disableApiKey(service.services, systemPrincipal, id)],
    ['expired', (service: TestService, id: string) => expireApiKey(service.services, systemPrincipal, id)],
    [
      'rotated without an overlap',
      (service: TestService, id: string) => rotateApiKey(service.services, systemPrincipal, id, { overlapSeconds: 0 }),
    ],
  ])(
    'is %s, and leaves no usable token behind, in a thousand interleavings',
    async (_, end) => {
      const service = await startTestService(kind, { emptied: true })
      const { services } = service
      const turns = async (count: number) => {
        for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate)
      }
      let issued = 0
      let refused = 0
      for (let round = 0; round < 50; round += 1) {
        const { id, secret } = await service.createKey({ scopes: ['orders:read'] })
        const answers: (Awaited<ReturnType<typeof exchange>> | undefined)[] = []
        let ended = false
        // Each continues until it is refused after the end, so that exchanges are always under way.
        const holders = Array.from({ length: 4 }, async (_, place) => {
          await turns(place)
          do answers.push(await exchange(service, secret).catch(() => undefined))
          while (!ended || answers.length < 20)
        })
        await turns(round % 20)
        await end(service, id)
        ended = true
        await Promise.all(holders)
        const tokens = answers.flatMap((answer) => answer?.access_token ?? [])
        issued += tokens.length
        refused += answers.length - tokens.length
        const outcomes = await Promise.all(
          tokens.map((token) => outcome((text) => services.verifier.verify(text), token)),
        )
        expect(outcomes).toEqual(tokens.map(() => 'invalid_token revoked'))
      }
      expect(issued + refused).toBeGreaterThanOrEqual(1000)
      // Both outcomes must have occurred, or the test proves nothing.
      expect(Math.min(issued, refused)).toBeGreaterThan(20)
    },
    60_000,
  )
})

describe.each(databaseKinds)('A51: a key that is revoked, on %s', (kind) => {
  test('takes all of its earlier tokens with it, and no tokens of other keys', async () => {
    const { services, ...service } = await startTestService(kind, { emptied: true })
    const [revoked, other] = [await service.createKey(), await service.createKey()]
    const tokens = await Promise.all(Array.from({ length: 5 }, () => exchange(service, revoked.secret)))
    const { access_token: spared } = await exchange(service, other.secret)
    const verify = (text: string) => services.verifier.verify(text)
    for (const { access_token: token } of tokens) expect(await outcome(verify, token)).toBe('accepted')
    await revokeApiKey(services, systemPrincipal, revoked.id, { reason: 'leaked' })
    for (const { access_token: token } of tokens) expect(await outcome(verify, token)).toBe('invalid_token revoked')
    expect(await outcome(verify, spared)).toBe('accepted')
    service.clock.advance(800)
    await services.revocations.refresh()
    for (const { access_token: token } of tokens) expect(await outcome(verify, token)).toBe('invalid_token revoked')
  })
})
