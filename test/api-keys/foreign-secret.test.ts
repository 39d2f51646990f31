import { blake3 } from '@noble/hashes/blake3.js'
import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { findApiKeyBySecret } from '../../src/api-keys/authenticate.ts'
import { cacheImportedAlgorithms } from '../../src/api-keys/foreign-secret.ts'
import { generateApiKey } from '../../src/api-keys/format.ts'
import type { ImportedApiKey } from '../../src/api-keys/import-row.ts'
import { createApiKeyLookup } from '../../src/api-keys/lookup.ts'
import { showApiKey } from '../../src/api-keys/read.ts'
import { apiKeyVersions } from '../../src/db/schema.ts'
import { nodePlatform } from '../../src/node/platform.ts'
import { databaseKinds } from '../support/databases.ts'
import { foreignSecret, importRows, sha256 } from '../support/imported-keys.ts'
import { exchange, tryExchange } from '../support/oauth-requests.ts'
import { principal } from '../support/principal.ts'
import { startTestService } from '../support/test-service.ts'

const blake3Hex = (secret: string) => Buffer.from(blake3(Buffer.from(secret))).toString('hex')

describe.each(databaseKinds)('R140 the secret of an imported key on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services } = service
  const own = await service.createOrganization('own')
  const admin = principal(own, ['admin'], { scopes: ['orders:read'] })
  const run = (rows: readonly Partial<ImportedApiKey>[], caller = admin) => importRows(services, caller, rows)

  describe('before any key was imported', () => {
    test('text in a foreign format does not reach the database', async () => {
      const asked: string[] = []
      const byHash = async (hash: string) => {
        asked.push(hash)
        return undefined
      }
      const lookup = { ...services.apiKeys, byHash }
      expect(await findApiKeyBySecret({ ...services, apiKeys: lookup }, 'sk_elsewhere', services.now())).toBe(
        'malformed',
      )
      expect(asked).toEqual([])
    })
  })

  test.each<[string, (secret: string) => Partial<ImportedApiKey>]>([
    ['SHA-256 in hexadecimal', (secret) => ({ hash: sha256(secret) })],
    ['SHA-256 in upper-case hexadecimal', (secret) => ({ hash: sha256(secret).toUpperCase() })],
    ['SHA-256 in base64url', (secret) => ({ hash: sha256(secret, 'base64url') })],
    ['SHA-256 in padded base64url', (secret) => ({ hash: `${sha256(secret, 'base64url')}=` })],
    ['BLAKE3', (secret) => ({ hash: blake3Hex(secret), algorithm: 'blake3' })],
  ])('a key hashed by %s works in every form of credential', async (_, hashed) => {
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

  test('A44 the hash of an imported key from a stolen database does not work as a key', async () => {
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

  test('A44 a hash by one algorithm is not found as a hash by the other', async () => {
    const secret = foreignSecret()
    await run([{ hash: sha256(secret), algorithm: 'blake3' }])
    expect((await tryExchange(service, secret)).status).toBe(401)
  })

  test('a key with a prefix that is no longer accepted is not treated as imported', async () => {
    await run([{}])
    const former = generateApiKey('live', 'former')
    const { id } = await service.createKey({ organizationId: own })
    await services.db
      .update(apiKeyVersions)
      .set({ hash: sha256(former, 'base64url') })
      .where(eq(apiKeyVersions.apiKeyId, id))
    expect((await tryExchange(service, former)).status).toBe(401)
  })

  test('an imported key is shown and revokes itself like any other', async () => {
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

describe('the cache of imported algorithms', () => {
  const at = (milliseconds: number) => new Date(1_800_000_000_000 + milliseconds)

  test('reads again after five seconds, and after an import', async () => {
    let asked = 0
    const cached = cacheImportedAlgorithms(async () => {
      asked += 1
      return []
    })
    await cached.algorithms(at(0))
    await cached.algorithms(at(4999))
    expect(asked).toBe(1)
    await cached.algorithms(at(5000))
    expect(asked).toBe(2)
    cached.forget()
    await cached.algorithms(at(5001))
    expect(asked).toBe(3)
  })

  test('does not keep an answer that was under way during an import', async () => {
    const answers = [Promise.withResolvers<'sha256'[]>(), Promise.withResolvers<'sha256'[]>()]
    let asked = 0
    const cached = cacheImportedAlgorithms(async () => (await answers[asked++]?.promise) ?? [])
    const before = cached.algorithms(at(0))
    cached.forget()
    answers[0]?.resolve([])
    expect(await before).toEqual([])
    answers[1]?.resolve(['sha256'])
    expect(await cached.algorithms(at(1))).toEqual(['sha256'])
  })

  test('reads again after a failure', async () => {
    let fails = true
    const cached = cacheImportedAlgorithms(async () => {
      if (fails) throw new Error('away')
      return ['blake3']
    })
    await expect(cached.algorithms(at(0))).rejects.toThrow('away')
    fails = false
    expect(await cached.algorithms(at(0))).toEqual(['blake3'])
  })
})
