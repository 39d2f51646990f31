import { beforeAll, describe, expect, test } from 'vitest'
import type { NodePlatform } from '../../../src/node/platform.ts'
import { adminClient } from '../../support/admin-client.ts'
import { pathOf } from '../../support/admin-requests.ts'
import { readApiDocument } from '../../support/api-document.ts'
import { createTenant } from '../../support/tenant.ts'
import { startTestService } from '../../support/test-service.ts'

const service = await startTestService()
const root = adminClient(service, service.rootKey)
const { operations } = await readApiDocument(service)
const lists = operations.filter(({ parameters }) => parameters.some(({ name }) => name === 'cursor'))

describe('the cursor of a list', () => {
  /** List → its path, and the cursor of its first page of one. */
  const cursors = new Map<string, { path: string; cursor: string }>()
  let otherVersions = ''

  beforeAll(async () => {
    const tenant = await createTenant(service, await service.createOrganization())
    await service.createOrganization()
    for (const make of [tenant.serviceAccount, tenant.rule]) for (let times = 0; times < 2; times++) await make()
    for (const name of ['one', 'two']) {
      await service.request('/.well-known/jwks.json', { headers: { 'Mintage-Verifier': name } })
    }
    const { platform } = service.services
    if ('settled' in platform) await (platform as NodePlatform).settled()
    const request = { params: { id: (await tenant.rotatedApiKey()).id } }
    for (const { path: template, operationId } of lists) {
      const path = pathOf(template, request)
      const { body } = await root('GET', `${path}?limit=1`)
      cursors.set(operationId, { path, cursor: String(body.nextCursor) })
    }
    const { id } = await tenant.rotatedApiKey()
    otherVersions = String((await root('GET', `/v1/api-keys/${id}/versions?limit=1`)).body.nextCursor)
  })
  const page = async (path: string, cursor: string) =>
    await root('GET', `${path}?limit=1&cursor=${encodeURIComponent(cursor)}`)
  const of = (operationId: string) => cursors.get(operationId) ?? { path: '', cursor: '' }

  test('exists for every list that may be long', () => {
    expect(lists.length).toBeGreaterThanOrEqual(8)
    expect([...cursors.values()].filter(({ cursor }) => cursor === 'null')).toEqual([])
  })

  test.each(lists)('$operationId: leads to the next item', async ({ operationId }) => {
    const { path, cursor } = of(operationId)
    const [first, second] = [await root('GET', `${path}?limit=1`), await page(path, cursor)]
    expect(second.status).toBe(200)
    expect(second.body.items).toHaveLength(1)
    expect(second.body.items).not.toEqual(first.body.items)
  })

  test.each(lists)('$operationId: is refused if the list did not give it', async ({ operationId }) => {
    const { path } = of(operationId)
    const foreign = [...cursors].filter(([id]) => id !== operationId).map(([, { cursor }]) => cursor)
    const hostile = ['zzz', '0', '1', "' or 1=1 --", '%', '../', 'a', '\u{10ffff}', '9'.repeat(100)]
    for (const cursor of [...foreign, otherVersions, ...hostile]) {
      const answer = await page(path, cursor)
      expect([answer.status, answer.body.code], cursor).toEqual([400, 'invalid_request'])
    }
  })
})
