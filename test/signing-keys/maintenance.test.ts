import { eq } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { auditEvents, signingKeyActivations } from '../../src/db/schema.ts'
import { maintainSigningKeys } from '../../src/signing-keys/maintenance.ts'
import { readRing } from '../../src/signing-keys/queries.ts'
import { keysOf } from './ring-keys.ts'
import { startRing } from './ring-service.ts'

test('maintenance plans an existing pending key before it creates another one', async () => {
  const ring = await startRing('embedded')
  const [, pending] = await keysOf(ring, 'token')
  // Its planned activation is gone, as after an activation that overtook it.
  await ring.db.delete(auditEvents)
  const rows = await readRing(ring.db)
  const planned = rows?.activations.find(({ kid }) => kid === pending?.kid)
  if (!planned) throw new Error('the pending key has its plan')
  await ring.db.delete(signingKeyActivations).where(eq(signingKeyActivations.kid, planned.kid))
  await maintainSigningKeys(ring)
  expect(await keysOf(ring, 'token')).toMatchObject([
    { state: 'active' },
    { kid: planned.kid, activatesAt: planned.activatesAt.toISOString() },
  ])
  expect(await ring.db.select().from(auditEvents)).toMatchObject([
    { type: 'signing_key.planned', subject: planned.kid },
  ])
})
