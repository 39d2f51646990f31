import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { verifiers } from '../../src/db/schema.ts'
import { createLog } from '../../src/observability/log.ts'
import { readinessText } from '../../src/signing-keys/verifier-readiness-view.ts'
import { createVerifierMemory } from '../../src/verifiers/memory.ts'
import { openTestDatabase } from '../support/databases.ts'

const at = new Date('2026-11-02T10:00:00.000Z')
const seen = (name: string) => ({
  clientId: 'key_1',
  name,
  kids: ['kid-1'],
  lastFetchedAt: at,
  address: null,
  agent: null,
})

async function startMemory() {
  const { db } = await openTestDatabase('embedded')
  const logged: unknown[] = []
  const log = createLog({ threshold: 'warn', now: () => at, write: (line) => logged.push(JSON.parse(line)) })
  const deferred: Promise<unknown>[] = []
  const memory = createVerifierMemory({ db, log, platform: { defer: (work) => void deferred.push(work) } })
  return { db, logged, memory, settled: () => Promise.all(deferred.splice(0)) }
}

test('a sighting that cannot be written is logged and dropped, and the next one is written', async () => {
  const { db, logged, memory, settled } = await startMemory()
  await db.execute(sql`alter table verifiers rename to verifiers_away`)
  memory.remember(seen('billing-api'))
  await settled()
  expect(logged).toMatchObject([{ level: 'warn', event: 'verifiers_not_remembered' }])
  await db.execute(sql`alter table verifiers_away rename to verifiers`)
  memory.remember(seen('orders-api'))
  await settled()
  expect((await db.select().from(verifiers)).map(({ name }) => name)).toEqual(['orders-api'])
})

test('names from strangers are stored without control characters', async () => {
  const { db, memory, settled } = await startMemory()
  memory.remember({ ...seen('x'), agent: `kit\u0000\u001b[31m\ud800 ${'y'.repeat(500)}`, address: '192.0.2.1' })
  await settled()
  const [row] = await db.select().from(verifiers)
  expect(row?.agent).toMatch(/^kit\ufffd\ufffd\[31m\ufffd y+$/)
  expect(row?.agent?.length).toBe(256)
})

test('thousands of invented names are stored up to a limit, with a few statements', async () => {
  const { db, memory, settled } = await startMemory()
  for (let number = 0; number < 3000; number += 1) memory.remember(seen(`verifier-${number}`))
  await settled()
  expect((await db.select().from(verifiers)).length).toBeLessThanOrEqual(2001)
})

test('how long a verifier was unseen is shown in minutes, then in hours', () => {
  const waiting = (minutesAgo: number) => [
    { name: 'billing-api', lastFetchedAt: new Date(at.getTime() - minutesAgo * 60_000).toISOString() },
  ]
  const text = (minutesAgo: number) =>
    readinessText({ holding: 5, known: 6, waitingFor: waiting(minutesAgo), absent: [] }, at)
  expect(text(40)).toBe('5 of 6 verifiers hold the new key, billing-api last fetched 40 min ago')
  expect(text(119)).toContain('119 min ago')
  expect(text(120)).toContain('2 h ago')
  expect(text(-5)).toContain('0 min ago')
  expect(readinessText({ holding: 0, known: 0, waitingFor: [], absent: waiting(3000) }, at)).toBe(
    'no authenticated verifier has fetched the key set within a day; absent: billing-api',
  )
})
