import { beforeEach, describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { runMaintenance } from '../../src/maintenance.ts'
import { bringForwardWhenReady } from '../../src/signing-keys/bring-forward.ts'
import { listSigningKeys, showSigningKey } from '../../src/signing-keys/read.ts'
import { rememberVerifiers } from '../../src/verifiers/queries.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange, partsOf } from '../support/oauth-requests.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

const day = 86_400

describe.each(databaseKinds)('on %s', (kind) => {
  let service: TestService
  beforeEach(async () => {
    service = await startTestService(kind, { emptied: true })
  })

  async function pendingKey() {
    const keys = await listSigningKeys(service.services, systemPrincipal)
    const pending = keys.find(({ purpose, state }) => purpose === 'token' && state === 'pending')
    if (!pending?.activatesAt) throw new Error('there must always be a pending key with a planned activation')
    return { ...pending, activatesAt: new Date(pending.activatesAt) }
  }

  async function verifierFetched(clientId: string, name: string, kids: readonly string[]) {
    const row = { clientId, name, kids: [...kids], lastFetchedAt: service.clock.now(), address: null, agent: null }
    await rememberVerifiers(service.database.db, [row])
  }

  /** Seconds before the planned activation. */
  function moveTo(activatesAt: Date, secondsBefore: number) {
    service.clock.set(new Date(activatesAt.getTime() - secondsBefore * 1000))
  }

  test('an activation is brought forward within the last day, once every authenticated verifier holds the key', async () => {
    const { id, secret } = await service.createKey()
    const next = await pendingKey()
    moveTo(next.activatesAt, day + 1)
    await verifierFetched(id, 'billing-api', [next.kid])
    await verifierFetched(id, 'orders-api', [next.kid])
    await verifierFetched('', 'stranger', [])
    expect(await bringForwardWhenReady(service.services)).toEqual([])
    moveTo(next.activatesAt, day)
    expect(await runMaintenance(service.services)).toBe(true)

    expect(partsOf((await exchange(service, secret)).access_token).header.kid).toBe(next.kid)
    const { activations } = await showSigningKey(service.services, systemPrincipal, next.kid)
    expect(activations).toMatchObject([
      { state: 'overtaken' },
      {
        state: 'effective',
        actor: 'system',
        reason: 'held by all known verifiers (2)',
        activatesAt: service.clock.now().toISOString(),
      },
    ])
    const following = await pendingKey()
    expect(following.kid).not.toBe(next.kid)
    expect(following.activatesAt.getTime()).toBe(
      service.clock.now().getTime() + service.services.config.rotateEverySeconds * 1000,
    )
    expect(await bringForwardWhenReady(service.services)).toEqual([])
  })

  test('one authenticated verifier without the key keeps the activation at its planned time, and does not delay it', async () => {
    const { id, secret } = await service.createKey()
    const next = await pendingKey()
    moveTo(next.activatesAt, 3600)
    await verifierFetched(id, 'billing-api', [next.kid])
    await verifierFetched(id, 'late', ['another'])
    expect(await bringForwardWhenReady(service.services)).toEqual([])
    expect((await pendingKey()).verifiers).toMatchObject({ holding: 1, known: 2, waitingFor: [{ name: 'late' }] })
    moveTo(next.activatesAt, 0)
    expect(partsOf((await exchange(service, secret)).access_token).header.kid).toBe(next.kid)
  })

  test('strangers, and verifiers whose API key was revoked, bring nothing forward', async () => {
    const { id } = await service.createKey({ revokedAt: service.clock.now() })
    const next = await pendingKey()
    moveTo(next.activatesAt, 3600)
    await verifierFetched('', 'stranger', [next.kid])
    await verifierFetched(id, 'revoked', [next.kid])
    expect(await bringForwardWhenReady(service.services)).toEqual([])
    expect((await pendingKey()).verifiers).toMatchObject({ known: 0 })
  })

  test('a key is never activated before its safe time', async () => {
    service = await startTestService(kind, { emptied: true, env: { MINTAGE_ROTATE_EVERY: '1000s' } })
    const { id } = await service.createKey()
    const next = await pendingKey()
    const safeAt = new Date(next.safeAt)
    expect(next.activatesAt.getTime() - 100_000).toBeLessThan(safeAt.getTime())
    service.clock.set(new Date(safeAt.getTime() - 1))
    await verifierFetched(id, 'billing-api', [next.kid])
    expect(await bringForwardWhenReady(service.services)).toEqual([])
    service.clock.set(safeAt)
    expect(await bringForwardWhenReady(service.services)).toEqual([next.kid])
  })

  test('of several instances at once one activates the key, once', async () => {
    const { id } = await service.createKey()
    const next = await pendingKey()
    moveTo(next.activatesAt, 60)
    await verifierFetched(id, 'billing-api', [next.kid])
    const activated = await Promise.all([1, 2, 3, 4].map(() => bringForwardWhenReady(service.services)))
    expect(activated.flat()).toEqual([next.kid])
    const { activations } = await showSigningKey(service.services, systemPrincipal, next.kid)
    expect(activations.filter(({ state }) => state === 'effective')).toHaveLength(1)
  })
})
