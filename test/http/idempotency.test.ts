import { eq, sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { apiKeys, idempotencyKeys, revocations } from '../../src/db/schema.ts'
import { pruneIdempotencyKeys } from '../../src/idempotency/queries.ts'
import { databaseKinds } from '../support/databases.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('R139 a POST with an Idempotency-Key on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service

  async function post(path: string, key: string, body: unknown, credential = service.rootKey) {
    const response = await service.request(path, {
      method: 'POST',
      headers: { Authorization: `Bearer ${credential}`, 'Content-Type': 'application/json', 'Idempotency-Key': key },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) }
  }
  const create = (key: string, name: string, credential?: string) => post('/v1/api-keys', key, { name }, credential)
  const countNamed = async (name: string) =>
    (await services.db.select().from(apiKeys).where(eq(apiKeys.name, name))).length

  test('sent again gets the same response without the secret, and creates nothing', async () => {
    const first = await create('once', 'once')
    expect(first.status).toBe(201)
    expect(first.headers.get('idempotency-replayed')).toBeNull()
    const again = await create('once', 'once')
    expect(again.status).toBe(201)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(again.headers.get('cache-control')).toBe('no-store')
    expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'))
    expect(again.body).toEqual({ ...first.body, secret: null })
    expect(Object.keys(again.body)).toEqual(Object.keys(first.body))
    expect(await countNamed('once')).toBe(1)
  })

  test('stores no secret in the database', async () => {
    const { body } = await create('stored', 'stored')
    const rows = await services.db.select().from(idempotencyKeys)
    expect(JSON.stringify(rows)).not.toContain(body.secret.slice(8, 20))
  })

  test('sent with another request is refused with an explanation, whatever differs', async () => {
    await create('reused', 'reused')
    for (const answer of [
      await create('reused', 'other'),
      await post('/v1/organizations', 'reused', { name: 'reused' }),
    ]) {
      expect(answer.status).toBe(422)
      expect(answer.body).toMatchObject({
        code: 'idempotency_key_reused',
        detail: expect.stringContaining('different request'),
      })
    }
    expect(await countNamed('other')).toBe(0)
  })

  test('belongs to its sender: another client may use the same key', async () => {
    const { secret } = await service.createKey({ roles: ['root'] })
    const mine = await create('shared', 'shared')
    const theirs = await create('shared', 'shared', secret)
    expect(theirs.headers.get('idempotency-replayed')).toBeNull()
    expect(theirs.body.apiKey.id).not.toBe(mine.body.apiKey.id)
  })

  test('sent twenty times at once creates one thing', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => create('parallel', 'parallel')))
    expect(await countNamed('parallel')).toBe(1)
    const created = answers.filter(({ status }) => status === 201)
    expect(new Set(created.map(({ body }) => body.apiKey.id)).size).toBe(1)
    expect(created.filter(({ body }) => body.secret !== null)).toHaveLength(1)
    for (const { status, body, headers } of answers) {
      if (status === 201) continue
      expect({ status, code: body.code, retryAfter: headers.get('retry-after') }).toEqual({
        status: 409,
        code: 'idempotency_key_in_use',
        retryAfter: '1',
      })
    }
  })

  test('that was refused may be sent again, and is then executed', async () => {
    const refused = await post('/v1/api-keys', 'refused', { name: 'refused', organizationId: 'org_missing' })
    expect(refused.status).toBe(404)
    expect(await post('/v1/api-keys', 'refused', { name: 'refused', organizationId: 'org_missing' })).toMatchObject({
      status: 404,
    })
    expect((await create('refused', 'refused')).status).toBe(201)
  })

  test('whose response was lost after the change is not executed again, and says so', async () => {
    await create('lost', 'lost')
    await services.db.update(idempotencyKeys).set({ status: 0, body: {} }).where(eq(idempotencyKeys.key, 'lost'))
    expect(await create('lost', 'lost')).toMatchObject({ status: 409, body: { code: 'idempotency_key_in_use' } })
    expect(await countNamed('lost')).toBe(1)
  })

  test('is remembered for 24 hours, until maintenance deletes it', async () => {
    await create('old', 'old')
    clock.advance(24 * 3600 - 1)
    expect((await create('old', 'old')).headers.get('idempotency-replayed')).toBe('true')
    expect(await pruneIdempotencyKeys(services.db, clock.now())).toBe(0)
    clock.advance(2)
    expect((await create('old', 'old')).headers.get('idempotency-replayed')).toBeNull()
    expect(await countNamed('old')).toBe(2)
    expect(await pruneIdempotencyKeys(services.db, clock.now())).toBeGreaterThan(0)
    const left = await services.db.select().from(idempotencyKeys)
    expect(left.map(({ key }) => key)).toEqual(['old'])
  })

  test.each<[string, string]>([
    ['nothing', ''],
    ['a space inside', 'a b'],
    ['256 characters', 'x'.repeat(256)],
    ['two of them', 'a, b'],
    ['letters beyond ASCII', 'é'],
  ])('of %s is refused', async (_, key) => {
    expect(await create(key, 'never')).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect(await countNamed('never')).toBe(0)
  })

  test('accepts every visible character', async () => {
    const key = '!"#$%&\'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~'
    expect((await create(key, 'visible')).status).toBe(201)
    expect((await create(key, 'visible')).headers.get('idempotency-replayed')).toBe('true')
    expect((await create('x'.repeat(255), 'long')).status).toBe(201)
  })

  test('revokes once too, and repeats a response without a body', async () => {
    const { id } = await service.createKey()
    const revoke = () =>
      service.request(`/v1/api-keys/${id}/revoke`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${service.rootKey}`, 'Idempotency-Key': 'revoke' },
      })
    expect((await revoke()).status).toBe(204)
    const again = await revoke()
    expect(again.status).toBe(204)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(await again.text()).toBe('')
  })

  test('is of no use to someone else', async () => {
    await create('stranger', 'stranger')
    const response = await service.request('/v1/api-keys', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'stranger' },
      body: JSON.stringify({ name: 'stranger' }),
    })
    expect(response.status).toBe(401)
  })

  test('is ignored on a GET', async () => {
    const get = () =>
      service.request('/v1/me', { headers: { Authorization: `Bearer ${service.rootKey}`, 'Idempotency-Key': 'get' } })
    expect((await get()).status).toBe(200)
    expect((await get()).headers.get('idempotency-replayed')).toBeNull()
  })
})

describe.runIf(databaseKinds.includes('postgres'))('a POST with an Idempotency-Key that meets a deadlock', () => {
  test('is done again with its key, once', async () => {
    const { services, ...service } = await startTestService('postgres')
    // A sequence does not roll back: only the first attempt fails.
    await services.db.execute(sql`create sequence attempts`)
    await services.db.execute(sql`create function meet_deadlock() returns trigger language plpgsql as $$
      begin
        if nextval('attempts') = 1 then raise exception 'planted' using errcode = '40P01'; end if;
        return new;
      end $$`)
    await services.db.execute(
      sql`create trigger meet_deadlock before insert on revocations for each row execute function meet_deadlock()`,
    )
    const { id } = await service.createKey()
    const revoke = () =>
      service.request(`/v1/api-keys/${id}/revoke`, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${service.rootKey}`,
          'Content-Type': 'application/json',
          'Idempotency-Key': 'deadlock',
        },
        body: JSON.stringify({ reason: 'leaked' }),
      })
    const first = await revoke()
    expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([204, null])
    const again = await revoke()
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([204, 'true'])
    const rules = await services.db.select().from(revocations).where(eq(revocations.value, id))
    expect(rules).toHaveLength(1)
    const [attempts] = await services.db.select({ last: sql<number>`last_value::int` }).from(sql`attempts`)
    expect(attempts?.last).toBe(2)
  })
})
