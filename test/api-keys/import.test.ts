import { createHash } from 'node:crypto'
import { blake3 } from '@noble/hashes/blake3.js'
import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { findBySecret } from '../../src/api-keys/authenticate.ts'
import { rememberImportedAlgorithms } from '../../src/api-keys/foreign-secret.ts'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { importApiKeys } from '../../src/api-keys/import.ts'
import type { ImportedApiKey } from '../../src/api-keys/import-row.ts'
import { createApiKeyLookup } from '../../src/api-keys/lookup.ts'
import { showApiKey } from '../../src/api-keys/read.ts'
import { apiKeys, apiKeyVersions, auditEvents, organizations, plans } from '../../src/db/schema.ts'
import { nodePlatform } from '../../src/node/platform.ts'
import { adminClient } from '../support/admin-client.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange, tryExchange } from '../support/oauth-requests.ts'
import { principal } from '../support/principal.ts'
import { startTestService } from '../support/test-service.ts'

const sha256 = (secret: string, encoding: 'hex' | 'base64url' = 'hex') =>
  createHash('sha256').update(secret).digest(encoding)
const blake3Hex = (secret: string) => Buffer.from(blake3(Buffer.from(secret))).toString('hex')
let made = 0
const foreignSecret = () => `sk-${++made}!~/${'x'.repeat(20)}`

describe.each(databaseKinds)('R140 importing keys that were hashed elsewhere on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services } = service
  const own = await service.createOrganization('own')
  const admin = principal(own, ['admin'], { scopes: ['orders:read'] })
  const run = (rows: readonly Partial<ImportedApiKey>[], caller = admin) =>
    importApiKeys(services, caller, {
      rows: rows.map((row, index) => ({
        index,
        key: { name: 'imported', environment: 'live', hash: sha256(foreignSecret()), algorithm: 'sha256', ...row },
      })),
    })

  describe('before there is any', () => {
    test('text of another form reaches no database', async () => {
      const asked: string[] = []
      const byHash = async (hash: string) => {
        asked.push(hash)
        return undefined
      }
      const lookup = { ...services.apiKeys, byHash }
      expect(await findBySecret({ ...services, apiKeys: lookup }, 'sk_elsewhere', services.now())).toBe('malformed')
      expect(asked).toEqual([])
    })
  })

  test.each<[string, (secret: string) => Partial<ImportedApiKey>]>([
    ['SHA-256 in hexadecimal digits', (secret) => ({ hash: sha256(secret) })],
    ['SHA-256 in capital digits', (secret) => ({ hash: sha256(secret).toUpperCase() })],
    ['SHA-256 in base64url', (secret) => ({ hash: sha256(secret, 'base64url') })],
    ['SHA-256 in padded base64url', (secret) => ({ hash: `${sha256(secret, 'base64url')}=` })],
    ['BLAKE3', (secret) => ({ hash: blake3Hex(secret), algorithm: 'blake3' })],
  ])('a key hashed by %s works in all four forms', async (_, hashed) => {
    const secret = foreignSecret()
    const { rows } = await run([{ ...hashed(secret), scopes: ['orders:read'] }])
    const [row] = rows
    if (row?.result !== 'created') throw new Error('it was not created')
    const form = (fields: Record<string, string>) => ({ method: 'POST', body: new URLSearchParams(fields) })
    const requests: RequestInit[] = [
      {
        ...form({ grant_type: 'client_credentials' }),
        headers: { authorization: `Basic ${btoa(`${row.id}:${encodeURIComponent(secret)}`)}` },
      },
      form({ grant_type: 'client_credentials', client_id: row.id, client_secret: secret }),
      form({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: secret,
        subject_token_type: 'urn:mintage:params:oauth:token-type:api-key',
      }),
      { method: 'POST', headers: { authorization: `Bearer ${secret}` } },
      { method: 'POST', headers: { 'x-api-key': secret } },
    ]
    for (const request of requests) {
      const response = await service.request('/token', request)
      expect(response.status, await response.clone().text()).toBe(200)
      expect((await response.json()).scope).toBe('orders:read')
    }
    const { access_token: token } = await exchange(service, secret)
    expect(await services.verifier.verify(token)).toMatchObject({ clientId: row.id, organizationId: own })
  })

  test('A44 the hash of an imported key, known from a stolen database, is no key', async () => {
    const secret = foreignSecret()
    await run([{ hash: blake3Hex(secret), algorithm: 'blake3' }, { hash: sha256(foreignSecret()) }])
    const [stored] = await services.db
      .select()
      .from(apiKeyVersions)
      .where(eq(apiKeyVersions.hashAlgorithm, 'blake3'))
      .limit(1)
    for (const text of [blake3Hex(secret), sha256(secret), sha256(secret, 'base64url'), stored?.hash ?? '']) {
      expect((await tryExchange(service, text)).status).toBe(401)
    }
  })

  test('A44 a hash by one algorithm is not found as one by the other', async () => {
    const secret = foreignSecret()
    await run([{ hash: sha256(secret), algorithm: 'blake3' }])
    expect((await tryExchange(service, secret)).status).toBe(401)
  })

  test('a key of a prefix that is accepted no more is no imported one', async () => {
    await run([{}])
    const former = generateApiKey('live', 'former')
    const { id } = await service.createKey({ organizationId: own })
    await services.db
      .update(apiKeyVersions)
      .set({ hash: sha256(former, 'base64url') })
      .where(eq(apiKeyVersions.apiKeyId, id))
    expect((await tryExchange(service, former)).status).toBe(401)
  })

  test('lets good rows land, says of each other what is wrong, and repeats nothing of it', async () => {
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
      'There',
      'subject',
      'No',
      'created',
    ])
    expect(JSON.stringify(report)).not.toContain('svc_elsewhere')
  })

  test('is as good as done when it is repeated, and names the keys that are there', async () => {
    const rows = [{ hash: sha256(foreignSecret()) }, { hash: sha256(foreignSecret()) }]
    const first = await run(rows)
    const again = await run(rows)
    expect(again).toMatchObject({ created: 0, duplicates: 2, invalid: 0 })
    const ids = (report: typeof first) => report.rows.map((row) => (row.result === 'invalid' ? null : row.id))
    expect(ids(again)).toEqual(ids(first))
  })

  test("tells nothing of another organization's key but that there is one", async () => {
    const secret = foreignSecret()
    await run([{ hash: sha256(secret) }])
    const stranger = principal(await service.createOrganization(), ['admin'])
    expect((await run([{ hash: sha256(secret) }], stranger)).rows).toEqual([
      { index: 0, result: 'duplicate', id: null },
    ])
  })

  test('fills the plan to its limit and no further', async () => {
    const organizationId = await service.createOrganization('small')
    await services.db.update(organizations).set({ plan: 'free' }).where(eq(organizations.id, organizationId))
    const report = await run(
      Array.from({ length: 5 }, () => ({})),
      principal(organizationId, ['admin']),
    )
    expect(report).toMatchObject({ created: 2, invalid: 3 })
    expect(report.rows[4]).toMatchObject({ why: expect.stringContaining('plan allows 2 API keys') })
  })

  test('by several at once of the same rows makes each key once', async () => {
    const organizations = await Promise.all(Array.from({ length: 4 }, () => service.createOrganization()))
    const rows = Array.from({ length: 20 }, () => ({ hash: sha256(foreignSecret()) }))
    const reports = await Promise.all(organizations.map((id) => run(rows, principal(id, ['admin']))))
    expect(reports.reduce((sum, { created }) => sum + created, 0)).toBe(20)
    expect(reports.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(60)
    const versions = await services.db.select().from(apiKeyVersions)
    const keys = await services.db.select().from(apiKeys)
    expect(new Set(versions.map(({ apiKeyId }) => apiKeyId)).size).toBe(keys.length)
  })

  test('writes one event: how many, and which', async () => {
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

  test('a thousand rows are one request', async () => {
    const organizationId = await service.createOrganization()
    const limits = {
      requestsPerMinute: 1,
      requestsPerMonth: 1,
      apiKeys: 5000,
      defaultOverlapSeconds: 0,
      maxOverlapSeconds: 0,
    }
    await services.db.insert(plans).values({ name: 'roomy', ...limits, createdAt: services.now() })
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
      ['no object', 'mk_live_x', /^The row: /],
      ['null', null, /^The row: /],
      ['a list', [], /^The row: /],
      ['without a name', { hash: 'a'.repeat(64) }, /^name: /],
      ['with a name of a megabyte', { hash: 'a'.repeat(64), name: 'x'.repeat(500_000) }, /^name: /],
      ['with NUL', { hash: 'a'.repeat(64), name: 'a\0b' }, /^name: Control characters/],
      [
        'with a secret',
        { hash: 'a'.repeat(64), name: 'x', secret: 'sk_1' },
        /^The row holds a member that is not known here\.$/,
      ],
      ['with an id of its own', { hash: 'a'.repeat(64), name: 'x', id: 'key_1' }, /not known here/],
      ['of another organization', { hash: 'a'.repeat(64), name: 'x', organizationId: 'org_1' }, /not known here/],
      ['of an algorithm that is not known', { hash: 'a'.repeat(64), name: 'x', algorithm: 'md5' }, /^algorithm: /],
    ])('a row that is %s keeps no other out', async (_, row, why) => {
      const answer = await post([row, { hash: sha256(foreignSecret()), name: 'good' }])
      expect(answer.status).toBe(200)
      expect(answer.body).toMatchObject({
        created: 1,
        invalid: 1,
        rows: [{ why: expect.stringMatching(why) }, { result: 'created' }],
      })
    })

    test('no rows, too many, too much and unknown members are refused', async () => {
      expect((await post([])).status).toBe(400)
      expect((await post(Array.from({ length: 1001 }, () => ({})))).status).toBe(400)
      expect((await post([], { dryrun: true })).status).toBe(400)
      expect((await post([{ name: 'x'.repeat(1_100_000) }])).status).toBe(413)
    })

    test('a caller who may not, and another organization', async () => {
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

  test('an imported key is revoked, shown and ended by its holder like any other', async () => {
    const secret = foreignSecret()
    const { rows } = await run([{ hash: blake3Hex(secret), algorithm: 'blake3', hint: 'tail' }])
    const id = rows[0]?.result === 'created' ? rows[0].id : ''
    expect(await showApiKey(services, admin, id)).toMatchObject({ status: 'usable', hint: 'tail', name: 'imported' })
    const ended = await service.request('/revoke', {
      method: 'POST',
      headers: { 'X-API-Key': secret },
      body: new URLSearchParams({ token: secret }),
    })
    expect(ended.status).toBe(200)
    expect((await tryExchange(service, secret)).status).toBe(401)
    expect(await showApiKey(services, admin, id)).toMatchObject({ status: 'revoked' })
  })

  test('another process finds an imported key within seconds', async () => {
    const elsewhere = createApiKeyLookup({ db: services.db, platform: nodePlatform() })
    const now = services.now()
    expect(await elsewhere.importedAlgorithms(now)).toEqual(expect.arrayContaining(['sha256', 'blake3']))
  })
})

describe('what is remembered of the imported algorithms', () => {
  const at = (milliseconds: number) => new Date(1_800_000_000_000 + milliseconds)

  test('is asked again after five seconds, and after an import', async () => {
    let asked = 0
    const remembered = rememberImportedAlgorithms(async () => {
      asked += 1
      return []
    })
    await remembered.algorithms(at(0))
    await remembered.algorithms(at(4999))
    expect(asked).toBe(1)
    await remembered.algorithms(at(5000))
    expect(asked).toBe(2)
    remembered.forget()
    await remembered.algorithms(at(5001))
    expect(asked).toBe(3)
  })

  test('is not what was on its way while an import came', async () => {
    const answers = [Promise.withResolvers<'sha256'[]>(), Promise.withResolvers<'sha256'[]>()]
    let asked = 0
    const remembered = rememberImportedAlgorithms(async () => (await answers[asked++]?.promise) ?? [])
    const before = remembered.algorithms(at(0))
    remembered.forget()
    answers[0]?.resolve([])
    expect(await before).toEqual([])
    answers[1]?.resolve(['sha256'])
    expect(await remembered.algorithms(at(1))).toEqual(['sha256'])
  })

  test('is asked again when it could not be told', async () => {
    let fails = true
    const remembered = rememberImportedAlgorithms(async () => {
      if (fails) throw new Error('away')
      return ['blake3']
    })
    await expect(remembered.algorithms(at(0))).rejects.toThrow('away')
    fails = false
    expect(await remembered.algorithms(at(0))).toEqual(['blake3'])
  })
})
