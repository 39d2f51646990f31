import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { kekIdOf } from '../../src/crypto/envelope.ts'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { auditEvents, signingKeys } from '../../src/db/schema.ts'
import { ServiceError } from '../../src/errors.ts'
import { kekStatus } from '../../src/keks/read.ts'
import { rewrapEnvelopes } from '../../src/keks/rewrap.ts'
import { signJwt } from '../../src/signing-keys/jwt.ts'
import { readRingGeneration } from '../../src/signing-keys/queries.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { selfTest } from '../../src/signing-keys/self-test.ts'
import {
  admin,
  type RingService,
  ringServices,
  root,
  rotateEverySeconds,
  startRing,
} from '../signing-keys/ring-service.ts'
import { databaseKinds } from '../support/databases.ts'
import { run } from '../support/service-process.ts'

/** A ring of four keys, and an instance that seals with a new KEK and still opens with the old one. */
async function startChange(kind: (typeof databaseKinds)[number], { ownDatabase = false } = {}) {
  const ring = await startRing(kind, { ownDatabase })
  const newKek = generateRawKek()
  const changing = await ringServices(ring.database, ring.clock, newKek, [ring.kek])
  return { ring, newKek, changing, changed: () => ringServices(ring.database, ring.clock, newKek) }
}

async function envelopes({ db }: Pick<RingService, 'db'>): Promise<Map<string, string>> {
  const rows = await db.select().from(signingKeys).orderBy(signingKeys.kid)
  return new Map(rows.map(({ kid, sealedPrivateKey }) => [kid, sealedPrivateKey]))
}

async function kekIds(ring: Pick<RingService, 'db'>): Promise<(string | undefined)[]> {
  return [...(await envelopes(ring)).values()].map(kekIdOf)
}

async function setEnvelope({ db }: Pick<RingService, 'db'>, kid: string, sealedPrivateKey: string): Promise<void> {
  await db.update(signingKeys).set({ sealedPrivateKey }).where(eq(signingKeys.kid, kid))
}

async function rewrapEvents({ db }: Pick<RingService, 'db'>) {
  return await db.select().from(auditEvents).where(eq(auditEvents.type, 'kek.rewrapped')).orderBy(auditEvents.sequence)
}

async function refusal(attempt: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof ServiceError)) throw new Error(`expected a ServiceError, got ${String(error)}`)
  return error
}

class Interrupted extends Error {}

describe.each(databaseKinds)('A63 · a change of KEK on %s', (kind) => {
  test('the status lists the KEKs, what each sealed, and which are missing', async () => {
    const { ring, changing, changed } = await startChange(kind)
    const [old = ''] = ring.keyEncryption.kekIds
    const [sealing = ''] = changing.keyEncryption.kekIds
    expect(await kekStatus(changing, root)).toEqual([
      { id: sealing, use: 'seals', envelopes: 0, liveEnvelopes: 0 },
      { id: old, use: 'opens', envelopes: 4, liveEnvelopes: 4 },
    ])
    expect(await kekStatus(await changed(), root)).toEqual([
      { id: sealing, use: 'seals', envelopes: 0, liveEnvelopes: 0 },
      { id: old, use: 'missing', envelopes: 4, liveEnvelopes: 4 },
    ])
  })

  test('a rewrap moves every envelope, wraps only the data keys again, and makes the old KEK superfluous', async () => {
    const { ring, changing, changed } = await startChange(kind)
    const before = await envelopes(ring)
    const [kek = ''] = changing.keyEncryption.kekIds
    expect(await rewrapEnvelopes(changing, root)).toEqual({ kek, envelopes: 4, moved: 4, left: [] })
    const after = await envelopes(ring)
    expect(await kekIds(ring)).toEqual(Array(4).fill(kek))
    for (const [kid, envelope] of after) expect(envelope.split('.')[3]).toBe(before.get(kid)?.split('.')[3])
    await selfTest(await changed())
    await expect(selfTest(ring)).rejects.toThrow('KEK')
  })

  test('running instances keep signing under the same kid', async () => {
    const { ring, newKek, changing } = await startChange(kind)
    const other = await ringServices(ring.database, ring.clock, newKek, [ring.kek])
    const before = await other.keyring.signer('token')
    await rewrapEnvelopes(changing, root)
    const after = await other.keyring.signer('token', await readRingGeneration(ring.db))
    expect(after.kid).toBe(before.kid)
    expect(other.keyring.state()).toMatchObject({ usable: true, generation: await readRingGeneration(ring.db) })
    expect(await signJwt(after, 'test', {})).toMatch(/^eyJ/)
  })

  test('a rewrap leaves one audit event with counts, and a new generation of the ring', async () => {
    const { ring, changing } = await startChange(kind)
    const generation = await readRingGeneration(ring.db)
    const { kek } = await rewrapEnvelopes(changing, root)
    const events = await rewrapEvents(ring)
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({
      actor: 'key_root',
      subject: kek,
      context: { kek, envelopes: 4, moved: 4, left: [] },
    })
    expect(await readRingGeneration(ring.db)).toBe((generation ?? 0) + 1)
  })

  test('a rewrap with nothing to move says so', async () => {
    const ring = await startRing(kind)
    const before = await envelopes(ring)
    expect(await rewrapEnvelopes(ring, root)).toMatchObject({ envelopes: 4, moved: 0 })
    expect(await envelopes(ring)).toEqual(before)
  })

  test.each([1, 2, 3, 4])(
    'interrupted after row %i, every key stays readable and the next run does the rest',
    async (last) => {
      const { ring, newKek, changing, changed } = await startChange(kind)
      const interrupted = rewrapEnvelopes(changing, root, {
        afterStep(step, row) {
          if (step === 'row_moved' && row === last) throw new Interrupted()
        },
      })
      await expect(interrupted).rejects.toBeInstanceOf(Interrupted)
      const [kek] = changing.keyEncryption.kekIds
      expect((await kekIds(ring)).filter((id) => id === kek)).toHaveLength(last)
      await selfTest(await ringServices(ring.database, ring.clock, newKek, [ring.kek]))
      expect(await rewrapEvents(ring)).toEqual([])
      expect(await rewrapEnvelopes(changing, root)).toMatchObject({ envelopes: 4, moved: 4 - last })
      expect(await rewrapEvents(ring)).toHaveLength(1)
      await selfTest(await changed())
    },
  )

  test('a row that somebody else changes meanwhile is left alone', async () => {
    const { ring, newKek, changing, changed } = await startChange(kind)
    const rival = await ringServices(ring.database, ring.clock, newKek, [ring.kek])
    const result = await rewrapEnvelopes(changing, root, {
      async afterStep(step) {
        if (step === 'checked') await rewrapEnvelopes(rival, root)
      },
    })
    expect(result).toMatchObject({ envelopes: 4, moved: 0 })
    expect((await rewrapEvents(ring)).map(({ context }) => context.moved)).toEqual([4, 0])
    await selfTest(await changed())
  })

  test('a key that was sealed by the old KEK meanwhile is shown by the next status and moved by the next run', async () => {
    const { ring, changing } = await startChange(kind)
    await rewrapEnvelopes(changing, root, {
      async afterStep(step) {
        if (step === 'checked') await rotateSigningKey(ring, root, { purpose: 'token', force: true })
      },
    })
    expect((await kekStatus(changing, root)).find(({ use }) => use === 'opens')).toMatchObject({
      envelopes: 1,
      liveEnvelopes: 1,
    })
    expect(await rewrapEnvelopes(changing, root)).toMatchObject({ envelopes: 5, moved: 1 })
  })

  test('a missing KEK is refused by name, and nothing is written', async () => {
    const { ring, changed } = await startChange(kind)
    const before = [await envelopes(ring), await readRingGeneration(ring.db)]
    const { code, detail } = await refusal(rewrapEnvelopes(await changed(), root))
    expect(code).toBe('conflict')
    for (const word of ['Nothing was moved', ring.keyEncryption.kekIds[0], 'MINTAGE_KEK_PREVIOUS'])
      expect(detail).toContain(word)
    expect([await envelopes(ring), await readRingGeneration(ring.db)]).toEqual(before)
    expect(await rewrapEvents(ring)).toEqual([])
  })

  test.each<[string, (envelope: string) => string]>([
    ['truncated', (envelope) => envelope.slice(0, -4)],
    ['cut to nothing', () => ''],
    [
      'changed in its wrapped key',
      (envelope) =>
        envelope.replace(/^(.*\.)(.)(.*\..*)$/, (_, start, one, rest) => start + (one === 'A' ? 'B' : 'A') + rest),
    ],
  ])('an envelope that was %s is refused, and nothing is written', async (_name, damage) => {
    const { ring, changing } = await startChange(kind)
    const [kid = '', envelope = ''] = [...(await envelopes(ring))].at(-1) ?? []
    await setEnvelope(ring, kid, damage(envelope))
    const before = await envelopes(ring)
    const { code, detail } = await refusal(rewrapEnvelopes(changing, root))
    expect({ code, detail }).toEqual({
      code: 'conflict',
      detail: expect.stringMatching(
        new RegExp(`Nothing was moved: the envelope of signing_keys ${kid}.*(malformed|damaged)`),
      ),
    })
    expect(await envelopes(ring)).toEqual(before)
    expect(await rewrapEvents(ring)).toEqual([])
  })

  test('envelopes that were swapped between rows are refused, and nothing is written', async () => {
    const { ring, changing } = await startChange(kind)
    const [[first = '', one = ''] = [], [second = '', two = ''] = []] = [...(await envelopes(ring))]
    await setEnvelope(ring, first, two)
    await setEnvelope(ring, second, one)
    const before = await envelopes(ring)
    expect((await refusal(rewrapEnvelopes(changing, root))).detail).toContain('belongs to another row')
    expect(await envelopes(ring)).toEqual(before)
  })

  test('envelopes of retired keys that can no longer be opened are left, named, and stop nothing', async () => {
    const ring = await startRing(kind)
    const lostKek = generateRawKek()
    await rewrapEnvelopes(await ringServices(ring.database, ring.clock, lostKek, [ring.kek]), root)
    const lost = [...(await envelopes(ring)).keys()]
    const next = await ringServices(ring.database, ring.clock, ring.kek, [lostKek])
    for (const purpose of ['token', 'record'] as const) {
      for (const _ of [1, 2]) {
        await rotateSigningKey(next, root, { purpose, force: true })
        ring.clock.advance(60)
      }
    }
    ring.clock.advance(rotateEverySeconds)
    const without = await ringServices(ring.database, ring.clock, ring.kek)
    expect(await kekStatus(without, root)).toContainEqual({
      id: next.keyEncryption.kekIds[1],
      use: 'missing',
      envelopes: 4,
      liveEnvelopes: 0,
    })
    expect(await rewrapEnvelopes(without, root)).toMatchObject({ moved: 0, left: lost })
    await selfTest(without)
  })

  test('the database and the log contain no private key and no KEK', async () => {
    const { ring, newKek, changing } = await startChange(kind)
    const secrets = [newKek.slice(4), ring.kek.slice(4)]
    for (const { kid, purpose, algorithm, sealedPrivateKey } of await ring.db.select().from(signingKeys)) {
      const context = { purpose, table: 'signing_keys', id: kid, version: 1, algorithm }
      secrets.push(JSON.parse(await ring.keyEncryption.open(sealedPrivateKey, context)).d)
    }
    await rewrapEnvelopes(changing, root)
    await selfTest(await ringServices(ring.database, ring.clock, generateRawKek())).catch((error: unknown) =>
      changing.log('error', 'test', { error }),
    )
    const stored = JSON.stringify([await ring.db.select().from(signingKeys), await ring.db.select().from(auditEvents)])
    const text = stored + JSON.stringify([changing.logged, ring.logged])
    expect(secrets).toHaveLength(6)
    for (const secret of secrets) expect(text).not.toContain(secret)
  })

  test('only root may look and rewrap', async () => {
    const ring = await startRing(kind)
    expect(await refusal(kekStatus(ring, admin))).toMatchObject({ code: 'permission_denied' })
    expect(await refusal(rewrapEnvelopes(ring, admin))).toMatchObject({ code: 'permission_denied' })
  })
})

describe.each(databaseKinds.filter((kind) => kind === 'postgres'))(
  'A63 · a change of KEK by several processes on %s',
  (kind) => {
    test('concurrent runs move each row once', async () => {
      const { ring, newKek, changed } = await startChange(kind)
      const instances = await Promise.all(
        Array.from({ length: 4 }, () => ringServices(ring.database, ring.clock, newKek, [ring.kek])),
      )
      const runs = await Promise.all(instances.map((each) => rewrapEnvelopes(each, root)))
      expect(runs.reduce((sum, { moved }) => sum + moved, 0)).toBe(4)
      expect(await rewrapEvents(ring)).toHaveLength(4)
      await selfTest(await changed())
    })

    test.each(['checked:0', 'row_moved:1', 'row_moved:3', 'rows_moved:4'])(
      'the next run finishes one that was killed (kill -9) after %s',
      async (step) => {
        const { ring, newKek, changing, changed } = await startChange(kind)
        const env = {
          DATABASE_URL: ring.database.url ?? '',
          MINTAGE_KEK: newKek,
          MINTAGE_KEK_PREVIOUS: ring.kek,
          NOW: ring.clock.now().toISOString(),
        }
        const died = run('test/keks/rewrap-process.ts', { env: { ...env, DIE_AFTER: step } })
        expect(await died.ended).toBeNull()
        expect(died.process.signalCode).toBe('SIGKILL')
        const [kek] = changing.keyEncryption.kekIds
        const movedBefore = (await kekIds(ring)).filter((id) => id === kek).length
        expect(movedBefore).toBe(Number(step.split(':')[1]))
        await selfTest(changing)
        const next = run('test/keks/rewrap-process.ts', { env })
        // Its connections stay open: the audit trail says when it has finished.
        await expect.poll(() => rewrapEvents(ring), { timeout: 60_000 }).toHaveLength(1)
        await next.end('SIGKILL')
        expect((await rewrapEvents(ring))[0]?.context).toMatchObject({ envelopes: 4, moved: 4 - movedBefore })
        await selfTest(await changed())
      },
    )
  },
)

describe.each(databaseKinds)('the self test on %s', (kind) => {
  test('names every missing KEK at once, with the keys that it sealed', async () => {
    const { ring, changing } = await startChange(kind)
    await rotateSigningKey(changing, root, { purpose: 'token', force: true })
    const stranger = await ringServices(ring.database, ring.clock, generateRawKek())
    const text = String(await selfTest(stranger).catch((error: unknown) => error))
    for (const id of changing.keyEncryption.kekIds) expect(text).toContain(`the KEK ${id} is missing: it sealed `)
    for (const kid of (await envelopes(ring)).keys()) expect(text).toContain(kid)
    expect(text).toContain(`configured: ${stranger.keyEncryption.kekIds[0]}`)
  })
})
