import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { openPostgres } from '../../src/db/postgres.ts'
import { revocations, signingKeyActivations } from '../../src/db/schema.ts'
import { ServiceError } from '../../src/errors.ts'
import { maintainSigningKeys } from '../../src/signing-keys/maintenance.ts'
import { listSigningKeys } from '../../src/signing-keys/read.ts'
import { replaceSigningKey } from '../../src/signing-keys/replace.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { keysOf } from '../signing-keys/ring-keys.ts'
import { leadSeconds, ringServices, root, rotateEverySeconds, startRing } from '../signing-keys/ring-service.ts'
import { databaseKinds } from '../support/databases.ts'

describe.each(databaseKinds.filter((kind) => kind === 'postgres'))('A59 · eight instances on %s', (kind) => {
  test.each([false, true])(
    'A59 · that rotate at once (forced: %s) activate one new key, with no gap in the sequence',
    async (force) => {
      const ring = await startRing(kind)
      const { url } = ring.database
      if (!url) throw new Error('the test database has a URL')
      const databases = Array.from({ length: 8 }, () =>
        openPostgres({ url, pooler: 'none', maxConnections: 2, deadlineMilliseconds: 60_000 }),
      )
      try {
        const instances = await Promise.all(databases.map((database) => ringServices(database, ring.clock, ring.kek)))
        await Promise.all(instances.map(({ keyring }) => keyring.reload()))
        if (!force) ring.clock.advance(leadSeconds)
        const results = await Promise.allSettled(
          instances.map((each) => rotateSigningKey(each, root, { purpose: 'token', force })),
        )

        const rotated = results.filter(({ status }) => status === 'fulfilled').length
        const codes = results.flatMap((result) => (result.status === 'rejected' ? [codeOf(result.reason)] : []))
        expect(codes.filter((code) => code !== 'conflict' && code !== 'too_early')).toEqual([])
        // A forced rotation that begins after another has ended is a second rotation. Only those that saw the same ring
        // exclude each other.
        if (force) expect(rotated).toBeGreaterThanOrEqual(1)
        else expect(rotated).toBe(1)
        const rows = await ring.db
          .select()
          .from(signingKeyActivations)
          .where(eq(signingKeyActivations.purpose, 'token'))
        const sequences = rows.map(({ sequence }) => sequence).sort((a, b) => a - b)
        expect(sequences).toEqual(Array.from({ length: 2 + 2 * rotated }, (_, index) => index + 1))
        ring.clock.advance(1)
        const states = (await keysOf(ring, 'token')).map(({ state }) => state)
        expect(states.filter((state) => state === 'active')).toHaveLength(1)
        expect(states.filter((state) => state === 'pending')).toHaveLength(1)
      } finally {
        await Promise.all(databases.map((database) => database.close()))
      }
    },
  )

  test('A59 · that run maintenance at once publish one key of each purpose', async () => {
    const ring = await startRing(kind)
    const { url } = ring.database
    if (!url) throw new Error('the test database has a URL')
    const databases = Array.from({ length: 8 }, () =>
      openPostgres({ url, pooler: 'none', maxConnections: 2, deadlineMilliseconds: 60_000 }),
    )
    try {
      ring.clock.advance(rotateEverySeconds)
      const instances = await Promise.all(databases.map((database) => ringServices(database, ring.clock, ring.kek)))
      await Promise.all(instances.map((each) => maintainSigningKeys(each)))
      expect((await listSigningKeys(ring, root)).filter(({ state }) => state === 'pending')).toHaveLength(2)
    } finally {
      await Promise.all(databases.map((database) => database.close()))
    }
  })

  test('A59 · that replace the same leaked key at once revoke it once and leave one active key', async () => {
    const ring = await startRing(kind)
    const { url } = ring.database
    if (!url) throw new Error('the test database has a URL')
    const [leaked] = await keysOf(ring, 'token')
    const databases = Array.from({ length: 8 }, () =>
      openPostgres({ url, pooler: 'none', maxConnections: 2, deadlineMilliseconds: 60_000 }),
    )
    try {
      const instances = await Promise.all(databases.map((database) => ringServices(database, ring.clock, ring.kek)))
      const results = await Promise.allSettled(
        instances.map((each) => replaceSigningKey(each, root, { purpose: 'token', kid: leaked?.kid })),
      )
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      const codes = results.flatMap((result) => (result.status === 'rejected' ? [codeOf(result.reason)] : []))
      expect(new Set(codes)).toEqual(new Set(['conflict']))
      expect(await ring.db.select().from(revocations)).toMatchObject([{ value: leaked?.kid }])
      ring.clock.advance(1)
      expect((await keysOf(ring, 'token')).map(({ state }) => state).sort()).toEqual(['active', 'pending', 'revoked'])
    } finally {
      await Promise.all(databases.map((database) => database.close()))
    }
  })
})

function codeOf(error: unknown): string {
  return error instanceof ServiceError ? error.code : String(error)
}
