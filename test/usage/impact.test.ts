import { describe, expect, test } from 'vitest'
import { whatWouldBreak } from '../../src/usage/impact.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange } from '../support/oauth-requests.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('what ending keys would break, on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service

  test('a key that was never used breaks nothing', async () => {
    const { id } = await service.createKey()
    expect(await whatWouldBreak(services.db, [id], clock.now())).toEqual({
      apiKeys: 1,
      apiKeysUsed: 0,
      apiKeysWithLiveTokens: 0,
      tokensLiveUntil: null,
      exchanges: 0,
      authentications: 0,
      lastUsedAt: null,
      lastUses: [],
    })
    expect(await whatWouldBreak(services.db, [], clock.now())).toMatchObject({ apiKeys: 0, exchanges: 0 })
  })

  test('revoking used keys revokes their tokens, until these expire anyway', async () => {
    const [used, unused, other] = [await service.createKey(), await service.createKey(), await service.createKey()]
    await exchange(service, used.secret)
    await exchange(service, used.secret)
    await exchange(service, other.secret)
    await services.usage.flush()
    const usedAt = clock.now()
    const asked = [used.id, unused.id]
    const alive = await whatWouldBreak(services.db, asked, clock.now())
    expect(alive).toEqual({
      apiKeys: 2,
      apiKeysUsed: 1,
      apiKeysWithLiveTokens: 1,
      tokensLiveUntil: new Date(usedAt.getTime() + 900_000).toISOString(),
      exchanges: 2,
      authentications: 2,
      lastUsedAt: usedAt.toISOString(),
      lastUses: [
        {
          apiKeyId: used.id,
          version: 1,
          exchanges: 2,
          authentications: 2,
          lastUsedAt: usedAt.toISOString(),
          addresses: [],
          agents: [],
        },
      ],
    })
    clock.advance(900)
    expect(await whatWouldBreak(services.db, asked, clock.now())).toEqual({
      ...alive,
      apiKeysWithLiveTokens: 0,
      tokensLiveUntil: null,
    })
  })
})
