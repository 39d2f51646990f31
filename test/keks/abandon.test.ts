import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { auditEvents } from '../../src/db/schema.ts'
import { abandonKek } from '../../src/keks/abandon.ts'
import { readRing } from '../../src/signing-keys/queries.ts'
import { listSigningKeys } from '../../src/signing-keys/read.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { selfTest } from '../../src/signing-keys/self-test.ts'
import { leadSeconds, ringServices, root, startRing } from '../signing-keys/ring-service.ts'
import { databaseKinds } from '../support/databases.ts'

describe.each(databaseKinds)('a KEK that is lost for good, on %s', (kind) => {
  test('is abandoned: fresh keys sign at once, the others are revoked, and rotation continues', async () => {
    const ring = await startRing(kind)
    const [lost = ''] = ring.keyEncryption.kekIds
    ring.clock.advance(60)
    const after = await ringServices(ring.database, ring.clock, generateRawKek())
    await expect(selfTest(after)).rejects.toThrow(lost)
    const { revoked, activated } = await abandonKek(after, lost)
    expect([revoked.length, activated.length]).toEqual([4, 2])
    ring.clock.advance(1)
    await selfTest(after)
    const states = (await listSigningKeys(after, root)).map(({ purpose, state }) => `${purpose} ${state}`).sort()
    expect(states).toEqual([
      'record active',
      'record pending',
      'record revoked',
      'record revoked',
      'token active',
      'token pending',
      'token revoked',
      'token revoked',
    ])
    expect(activated).toContain((await after.keyring.signer('token')).kid)
    expect((await after.keyring.publicKeys('token')).keys.map(({ kid }) => kid)).not.toEqual(
      expect.arrayContaining([revoked[0]]),
    )
    ring.clock.advance(leadSeconds)
    expect(await rotateSigningKey(after, root, { purpose: 'token' })).toMatchObject({ state: 'active' })
  })

  test('leaves one event in the trail', async () => {
    const ring = await startRing(kind)
    const [lost = ''] = ring.keyEncryption.kekIds
    const { revoked, activated } = await abandonKek(
      await ringServices(ring.database, ring.clock, generateRawKek()),
      lost,
    )
    const events = await ring.db.select().from(auditEvents).where(eq(auditEvents.type, 'kek.abandoned'))
    expect(events).toMatchObject([{ actor: 'system', subject: lost, context: { revoked, activated } }])
  })

  test('is not abandoned while it is configured, or if it sealed nothing: nothing is written', async () => {
    const ring = await startRing(kind)
    const before = await readRing(ring.db)
    await expect(abandonKek(ring, ring.keyEncryption.kekIds[0] ?? '')).rejects.toMatchObject({ code: 'conflict' })
    await expect(abandonKek(ring, 'kek_AAAAAAAAAAAAAAAA')).rejects.toMatchObject({ code: 'conflict' })
    expect(await readRing(ring.db)).toEqual(before)
  })

  test('revokes only the keys that it sealed', async () => {
    const ring = await startRing(kind)
    const kek = generateRawKek()
    const both = await ringServices(ring.database, ring.clock, kek, [ring.kek])
    ring.clock.advance(leadSeconds)
    await rotateSigningKey(both, root, { purpose: 'token' })
    const after = await ringServices(ring.database, ring.clock, kek)
    const { revoked, activated } = await abandonKek(after, ring.keyEncryption.kekIds[0] ?? '')
    expect([revoked.length, activated.length]).toEqual([4, 2])
    ring.clock.advance(1)
    await selfTest(after)
    expect((await listSigningKeys(after, root)).filter(({ state }) => state === 'pending')).toHaveLength(2)
  })
})
