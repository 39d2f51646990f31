import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  genesisHash,
  chainHash as hashOfTold,
  type TrailEvent,
  chainText as textOfTold,
  toldEvent,
} from '../../src/audit/chain.ts'

const chainText = (previousHash: string, told: TrailEvent) => textOfTold(previousHash, toldEvent(told))
const chainHash = (previousHash: string, told: TrailEvent) => hashOfTold(previousHash, toldEvent(told))

const event: TrailEvent = {
  sequence: 1,
  id: 'evt_1',
  occurredAt: '2026-11-02T10:00:00.000Z',
  type: 'api_key.revoked',
  result: 'success',
  actor: 'key_1',
  organizationId: 'org_1',
  subject: 'key_2',
  reason: null,
  address: null,
  agent: null,
  requestId: 'req_1',
  sessionId: null,
  durationMilliseconds: 0,
  context: { reason: null, b: 1, a: [2] },
}

describe('the text that is hashed for an audit event', () => {
  test('is the RFC 8785 form of the event and the previous hash, without members that have no value', () => {
    expect(chainText(genesisHash, event)).toBe(
      `{"actor":"key_1","context":{"a":[2],"b":1,"reason":null},"durationMilliseconds":0,"id":"evt_1","occurredAt":"2026-11-02T10:00:00.000Z","organizationId":"org_1","previousHash":"${'0'.repeat(64)}","requestId":"req_1","result":"success","sequence":1,"subject":"key_2","type":"api_key.revoked"}`,
    )
  })

  test('does not depend on the order of members in a database or an export', () => {
    const { sequence, context, id, ...others } = event
    expect(chainText(genesisHash, { context, ...others, id, sequence })).toBe(chainText(genesisHash, event))
  })

  test('is hashed with SHA-256, in hexadecimal digits', async () => {
    const text = chainText(genesisHash, event)
    expect(await chainHash(genesisHash, event)).toBe(createHash('sha256').update(text).digest('hex'))
    expect(genesisHash).toMatch(/^0{64}$/)
  })

  test.each<[string, Partial<TrailEvent>]>([
    ['sequence', { sequence: 2 }],
    ['id', { id: 'evt_2' }],
    ['instant', { occurredAt: '2026-11-02T10:00:00.001Z' }],
    ['type', { type: 'api_key.created' }],
    ['result', { result: 'refused' }],
    ['actor', { actor: 'key_9' }],
    ['organization', { organizationId: null }],
    ['subject', { subject: null }],
    ['reason', { reason: 'leaked' }],
    ['address', { address: '192.0.2.1' }],
    ['agent', { agent: 'curl' }],
    ['request', { requestId: null }],
    ['session', { sessionId: 's' }],
    ['duration', { durationMilliseconds: null }],
    ['context', { context: { ...event.context, a: [3] } }],
    ['member of the context that is null', { context: { b: 1, a: [2] } }],
  ])('gives another hash if %s differs', async (_, change) => {
    expect(await chainHash(genesisHash, { ...event, ...change })).not.toBe(await chainHash(genesisHash, event))
  })

  test('gives another hash after another event', async () => {
    expect(await chainHash('1'.repeat(64), event)).not.toBe(await chainHash(genesisHash, event))
  })
})
