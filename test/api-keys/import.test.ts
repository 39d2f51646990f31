import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import type { ImportedApiKey } from '../../src/api-keys/import-row.ts'
import { apiKeys, apiKeyVersions, auditEvents, organizations, plans } from '../../src/db/schema.ts'
import { adminClient } from '../support/admin-client.ts'
import { databaseKinds } from '../support/databases.ts'
import { foreignSecret, importRows, sha256 } from '../support/imported-keys.ts'
import { smallestLimits } from '../support/plan-limits.ts'
import { principal } from '../support/principal.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('R140 importing keys that another system hashed, on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services } = service
  const own = await service.createOrganization('own')
  const admin = principal(own, ['admin'], { scopes: ['orders:read'] })
  const run = (rows: readonly Partial<ImportedApiKey>[], caller = admin) => importRows(services, caller, rows)

  test('stores good rows, says what is wrong with the others, and repeats nothing of them', async () => {
    const known = foreignSecret()
    await run([{ hash: sha256(known) }])
    const twice = sha256(foreignSecret())
    const report = await run([
      { hash: sha256(known) },
      { hash: twice, name: 'first' },
      { hash: twice, name: 'second' },
      { hash: 'abc' },
      { hash: sha256('x').slice(1) },
      { scopes: ['a"b'] },
      { scopes: ['orders:write'] },
      { roles: ['root'] },
      { expiresAt: services.now() },
      { serviceAccountId: 'svc_elsewhere' },
      { subject: 'key_stranger' },
      { tokenAlgorithm: 'RS256' },
      { name: 'last' },
    ])
    expect(report).toMatchObject({ created: 2, duplicates: 2, invalid: 9 })
    expect(report.rows.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    expect(report.rows.map((row) => (row.result === 'invalid' ? row.why.split(/[ .]/)[0] : row.result))).toEqual([
      'duplicate',
      'created',
      'duplicate',
      'hash',
      'hash',
      'scopes',
      'The',
      'The',
      'expiresAt',
      'serviceAccountId:',
      'subject',
      'No',
      'created',
    ])
    expect(JSON.stringify(report)).not.toContain('svc_elsewhere')
  })

  test('repeated, changes nothing and names the existing keys', async () => {
    const rows = [{ hash: sha256(foreignSecret()) }, { hash: sha256(foreignSecret()) }]
    const first = await run(rows)
    const again = await run(rows)
    expect(again).toMatchObject({ created: 0, duplicates: 2, invalid: 0 })
    const ids = (report: typeof first) => report.rows.map((row) => (row.result === 'invalid' ? null : row.id))
    expect(ids(again)).toEqual(ids(first))
  })

  test('reveals only that a key of another organization exists', async () => {
    const secret = foreignSecret()
    await run([{ hash: sha256(secret) }])
    const stranger = principal(await service.createOrganization(), ['admin'])
    expect((await run([{ hash: sha256(secret) }], stranger)).rows).toEqual([
      { index: 0, result: 'duplicate', id: null },
    ])
  })

  test('stops at the limit of the plan', async () => {
    const organizationId = await service.createOrganization('small')
    await services.db.update(organizations).set({ plan: 'free' }).where(eq(organizations.id, organizationId))
    const report = await run(
      Array.from({ length: 5 }, () => ({})),
      principal(organizationId, ['admin']),
    )
    expect(report).toMatchObject({ created: 2, invalid: 3 })
    expect(report.rows[4]).toMatchObject({ why: expect.stringContaining('plan allows 2 API keys') })
  })

  test('of the same rows several times at once creates each key once', async () => {
    const organizations = await Promise.all(Array.from({ length: 4 }, () => service.createOrganization()))
    const rows = Array.from({ length: 20 }, () => ({ hash: sha256(foreignSecret()) }))
    const reports = await Promise.all(organizations.map((id) => run(rows, principal(id, ['admin']))))
    expect(reports.reduce((sum, { created }) => sum + created, 0)).toBe(20)
    expect(reports.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(60)
    const versions = await services.db.select().from(apiKeyVersions)
    const keys = await services.db.select().from(apiKeys)
    expect(new Set(versions.map(({ apiKeyId }) => apiKeyId)).size).toBe(keys.length)
  })

  test('writes one event that says how many keys, and which', async () => {
    const organizationId = await service.createOrganization()
    const { rows } = await run([{}, { hash: 'bad' }], principal(organizationId, ['admin']))
    const events = await services.db.select().from(auditEvents).where(eq(auditEvents.subject, organizationId))
    expect(events).toEqual([
      expect.objectContaining({
        type: 'api_keys.imported',
        organizationId,
        context: {
          created: 1,
          duplicates: 0,
          invalid: 1,
          apiKeyIds: rows.flatMap((row) => (row.result === 'created' ? row.id : [])),
        },
      }),
    ])
  })

  test('accepts a thousand rows in one request', async () => {
    const organizationId = await service.createOrganization()
    await services.db
      .insert(plans)
      .values({ name: 'roomy', ...smallestLimits, apiKeys: 5000, createdAt: services.now() })
    await services.db.update(organizations).set({ plan: 'roomy' }).where(eq(organizations.id, organizationId))
    const rows = Array.from({ length: 1000 }, (_, place) => ({
      name: `key ${place}`,
      hash: sha256(foreignSecret()),
      labels: ['moved'],
    }))
    const answer = await adminClient(service, service.rootKey)('POST', '/v1/api-keys/import', { organizationId, rows })
    expect(answer.status, answer.text.slice(0, 500)).toBe(200)
    expect(answer.body).toMatchObject({ created: 1000, duplicates: 0, invalid: 0 })
  })

  describe('over HTTP', () => {
    const root = adminClient(service, service.rootKey)
    const post = (rows: unknown[], more: object = {}) =>
      root('POST', '/v1/api-keys/import', { organizationId: own, rows, ...more })

    test.each<[string, unknown, RegExp]>([
      ['not an object', 'mk_live_x', /^The row must be an object\.$/],
      ['null', null, /^The row must be an object\.$/],
      ['a list', [], /^The row must be an object\.$/],
      ['without a name', { hash: 'a'.repeat(64) }, /^name is required\.$/],
      [
        'with a name of a megabyte',
        { hash: 'a'.repeat(64), name: 'x'.repeat(500_000) },
        /^name must be at most 100 characters\.$/,
      ],
      ['with NUL', { hash: 'a'.repeat(64), name: 'a\0b' }, /^name must not contain control characters/],
      ['with a secret', { hash: 'a'.repeat(64), name: 'x', secret: 'sk_1' }, /^secret is not a known member: /],
      ['with its own id', { hash: 'a'.repeat(64), name: 'x', id: 'key_1' }, /^id is not a known member/],
      [
        'of another organization',
        { hash: 'a'.repeat(64), name: 'x', organizationId: 'org_1' },
        /^organizationId is not a known/,
      ],
      [
        'with an unknown algorithm',
        { hash: 'a'.repeat(64), name: 'x', algorithm: 'md5' },
        /^algorithm must be sha256 or blake3\.$/,
      ],
    ])('a row %s does not keep the others out', async (_, row, why) => {
      const answer = await post([row, { hash: sha256(foreignSecret()), name: 'good' }])
      expect(answer.status).toBe(200)
      expect(answer.body).toMatchObject({
        created: 1,
        invalid: 1,
        rows: [{ why: expect.stringMatching(why) }, { result: 'created' }],
      })
    })

    test('refuses no rows, too many rows, too long a body and unknown members', async () => {
      expect((await post([])).status).toBe(400)
      expect((await post(Array.from({ length: 1001 }, () => ({})))).status).toBe(400)
      expect((await post([], { dryrun: true })).status).toBe(400)
      expect((await post([{ name: 'x'.repeat(1_100_000) }])).status).toBe(413)
    })

    test('refuses a caller without permission, and another organization', async () => {
      const developer = await service.createKey({ organizationId: own, roles: ['developer'] })
      const admin = await service.createKey({ organizationId: own, roles: ['admin'] })
      const rows = [{ hash: sha256(foreignSecret()), name: 'x' }]
      expect((await adminClient(service, developer.secret)('POST', '/v1/api-keys/import', { rows })).status).toBe(403)
      const organizationId = await service.createOrganization()
      for (const id of [organizationId, 'org_missing']) {
        const answer = await adminClient(service, admin.secret)('POST', '/v1/api-keys/import', {
          organizationId: id,
          rows,
        })
        expect(answer.status).toBe(404)
      }
    })
  })
})
