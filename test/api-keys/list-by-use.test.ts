import { beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/crypto/random.ts'
import { type AdminCall, adminClient } from '../support/admin-client.ts'
import { databaseKinds } from '../support/databases.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

describe.each(databaseKinds)('keys by their use, on %s', (kind) => {
  let service: TestService
  let root: AdminCall
  let admin: AdminCall
  let adminId: string
  /** Used at 1, 2 and 3 minutes after the start; two were never used. */
  let [first, second, third, never, alsoNever]: string[] = []

  beforeAll(async () => {
    service = await startTestService(kind)
    const organizationId = await service.createOrganization()
    const made = await service.createKey({ organizationId, roles: ['admin'], createdBy: 'key_other' })
    root = adminClient(service, service.rootKey)
    admin = adminClient(service, made.secret)
    adminId = made.id
    const keys = []
    for (let index = 0; index < 5; index++) keys.push(await service.createKey({ organizationId }))
    ;[first, second, third, never, alsoNever] = keys.map(({ id }) => id)
    for (const { secret } of keys.slice(0, 3)) {
      service.clock.advance(60)
      await service.request('/v1/me', { headers: { 'X-API-Key': secret } })
    }
    await service.services.usage.flush()
    service.clock.advance(60)
  })

  async function ids(query: string): Promise<string[]> {
    const { body } = await admin('GET', `/v1/api-keys?${query}`)
    const items = Array.isArray(body.items) ? body.items : []
    return items.map(({ id }) => id).filter((id) => id !== adminId)
  }

  test('are listed by their last use, never used ones at the end where they belong', async () => {
    expect(await ids('sort=lastUsed')).toEqual([third, second, first, alsoNever, never])
    expect(await ids('sort=longestUnused')).toEqual([never, alsoNever, first, second, third])
    expect(await ids('')).toEqual([alsoNever, never, third, second, first])
  })

  test.each(['lastUsed', 'longestUnused', 'newest'])('come page by page in the order %s, each once', async (sort) => {
    const pages: string[] = []
    let cursor = ''
    do {
      const { body } = await admin('GET', `/v1/api-keys?sort=${sort}&limit=2${cursor}`)
      pages.push(...(body.items as { id: string }[]).map(({ id }) => id))
      cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`
    } while (cursor !== '')
    expect(pages.filter((id) => id !== adminId)).toEqual(await ids(`sort=${sort}`))
  })

  const someId = newId('key')
  test.each([
    `api-keys.${someId}`,
    `api-keys.longestUnused.never.${someId}`,
    `api-keys.lastUsed.1e3.${someId}`,
    'api-keys.lastUsed.1',
  ])('the cursor %j is refused in the order lastUsed', async (cursor) => {
    expect((await admin('GET', `/v1/api-keys?sort=lastUsed&cursor=${cursor}`)).body.code).toBe('invalid_request')
  })

  test('are found by when they were used, or not used', async () => {
    const since = '2026-11-02T10:02:00.000Z'
    expect(await ids(`usedSince=${since}`)).toEqual([third, second])
    expect(await ids(`unusedSince=${since}`)).toEqual([alsoNever, never, first])
    expect(await ids(`usedSince=2026-11-02T10:01:00Z&unusedSince=${since}`)).toEqual([first])
  })

  test('say who disabled and who revoked them', async () => {
    const show = async (id = '') => (await admin('GET', `/v1/api-keys/${id}`)).body
    await admin('POST', `/v1/api-keys/${never}/disable`)
    expect(await show(never)).toMatchObject({ disabledBy: adminId, revokedBy: null })
    await admin('POST', `/v1/api-keys/${never}/enable`)
    expect(await show(never)).toMatchObject({ disabledAt: null, disabledBy: null })
    await admin('POST', `/v1/api-keys/${never}/revoke`)
    expect(await show(never)).toMatchObject({ revokedBy: adminId })
    const { id: rootId } = (await root('GET', '/v1/me')).body
    const { organizationId } = await show(never)
    await root('POST', '/v1/api-keys/revoke', { filter: { organizationId }, force: true })
    const { body } = await root('GET', `/v1/api-keys/${alsoNever}`)
    expect(body).toMatchObject({ revokedBy: rootId })
  })
})
