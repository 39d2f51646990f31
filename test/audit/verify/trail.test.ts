import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { genesisHash } from '../../../src/audit/chain.ts'
import { checkpointType } from '../../../src/audit/checkpoint.ts'
import type { TrailLine } from '../../../src/audit/verify/lines.ts'
import { createTrail } from '../../../src/audit/verify/trail.ts'
import { exportTrail, faultsOf, readLines, rechained, verifyTrail, writeLines } from '../../support/audit-trail.ts'
import { createTestIssuer } from '../../support/test-issuer.ts'
import { startTestService, type TestService } from '../../support/test-service.ts'

let service: TestService
/** Ten events, with checkpoints over the fourth and, as in every export, over the last. */
let lines: string[]
/** The same trail, two events earlier. */
let earlier: string[]

beforeAll(async () => {
  service = await startTestService()
  const post = (path: string, body?: object) =>
    service.request(path, {
      method: 'POST',
      headers: { 'X-API-Key': service.rootKey, 'Content-Type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
  for (const name of ['a', 'b']) await post('/v1/api-keys', { name })
  await post('/v1/audit-checkpoints')
  service.clock.advance(3600)
  for (const name of ['c', 'd', 'e']) await post('/v1/api-keys', { name })
  earlier = await exportTrail(service)
  await post('/v1/api-keys', { name: 'f' })
  lines = await exportTrail(service)
})

/** Index of the line of an event. */
const at = (sequence: number) =>
  readLines(lines).findIndex((line) => line.kind === 'event' && line.event.sequence === sequence)
const without = (...sequences: number[]) => lines.filter((_, index) => !sequences.map(at).includes(index))
const moved = (from: number, to: number) => lines.toSpliced(at(from), 1).toSpliced(at(to), 0, lines[at(from)] ?? '')

function changed(change: (line: TrailLine & { kind: 'event' }) => void, sequence: number): TrailLine[] {
  const all = readLines(lines)
  const line = all[at(sequence)]
  if (line?.kind === 'event') change(line)
  return all
}

const foreign = await createTestIssuer('ES256', 'foreign')
const signForeign = (claims: object, typ: string = checkpointType) =>
  foreign.sign({ alg: 'ES256', kid: foreign.kid, typ }, claims)

const withActor = (sequence: number) =>
  changed((line) => Object.assign(line.event, { actor: 'key_somebody_else' }), sequence)

describe('an unchanged trail', () => {
  test('is verified, and the result says what was checked', async () => {
    expect(await verifyTrail(lines)).toMatchObject({
      faults: [],
      issuer: 'https://auth.example',
      events: 10,
      shown: 10,
      head: { sequence: 10 },
      seal: { signedAt: '2026-11-02T11:00:00.000Z' },
      checkpoints: 2,
      pinned: false,
    })
  })

  test('contains what an earlier export of it ended with', async () => {
    const { head } = await verifyTrail(earlier)
    expect(await faultsOf(lines, { heads: [head] })).toEqual([])
  })
})

describe('R135 a manipulation of the file is detected', () => {
  test('a changed event', async () => {
    const { faults } = await verifyTrail(writeLines(withActor(3)))
    expect(faults).toEqual([
      {
        kind: 'edited',
        message: expect.stringMatching(
          /^event 3 \(evt_\w+, api_key\.created\) was changed: what it says does not give its hash$/,
        ),
        sequence: 3,
        line: at(3) + 1,
      },
    ])
  })

  test.each([
    ['one', [5], 'event 5 is missing'],
    ['several', [5, 6, 7], 'events 5 to 7 are missing'],
    ['the first', [1], 'event 1 is missing'],
  ])('%s left out', async (_, sequences, message) => {
    expect((await verifyTrail(without(...sequences))).faults).toEqual([
      expect.objectContaining({ kind: 'deleted', message }),
    ])
  })

  test('a removed event that a checkpoint covers', async () => {
    expect(await faultsOf(without(4))).toEqual(['deleted', 'deleted'])
  })

  test.each([
    [6, 5],
    [8, 2],
    [1, 9],
  ])('event %i moved to the place of event %i', async (from, to) => {
    const faults = await faultsOf(moved(from, to))
    expect(faults).toContain('reordered')
    expect(faults).not.toContain('deleted')
  })

  test('a repeated event', async () => {
    expect(await faultsOf(lines.toSpliced(at(6), 0, lines[at(5)] ?? ''))).toEqual(['reordered'])
  })

  test.each([4, 6, 10])('an end that was cut off after %i events', async (kept) => {
    const cut = lines.slice(0, at(kept) + 1)
    const { faults } = await verifyTrail(kept === 10 ? without(10) : cut)
    const [fault] = faults
    expect(fault?.kind).toBe('truncated')
    expect(fault?.message).toMatch(
      /^the trail ends at event \d+, but the checkpoint of 2026-11-02T11:00:00.000Z speaks of event 10: it was cut$/,
    )
  })

  test('an end that was cut off together with the checkpoint over it', async () => {
    const cut = lines.slice(0, at(6) + 1).toSpliced(2, 1)
    expect(await faultsOf(cut)).toEqual(['unsealed'])
    expect(await faultsOf(lines.slice(0, 3))).toEqual(['malformed', 'truncated', 'unsealed'])
  })

  test('an older export instead of the newest, if its head or a checkpoint was kept', async () => {
    const { head } = await verifyTrail(lines)
    const [, , seal] = readLines(lines)
    expect(await faultsOf(earlier)).toEqual([])
    expect(await faultsOf(earlier, { heads: [head] })).toEqual(['truncated'])
    expect(await faultsOf(earlier, { checkpoints: [seal?.kind === 'checkpoint' ? seal.signed : ''] })).toEqual([
      'truncated',
    ])
  })

  test('a second event at the same place', async () => {
    const { event } = Object(readLines(lines)[at(7)])
    const [fork] = rechained([{ kind: 'event', previousHash: '', hash: '', event: { ...event, actor: 'key_other' } }])
    expect(await faultsOf(lines.toSpliced(at(8), 0, JSON.stringify(fork)))).toEqual(['forked'])
  })

  test('an event replaced by another one with its own hash', async () => {
    const replaced = changed(
      (line) => Object.assign(line, rechained([{ ...line, event: { ...line.event, reason: 'x' } }])[0]),
      5,
    )
    expect(await faultsOf(writeLines(replaced))).toEqual(['replaced', 'replaced'])
  })

  test('history rewritten from one event on, against the checkpoints', async () => {
    const { faults } = await verifyTrail(writeLines(rechained(withActor(3))))
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(['rewritten', 'unsealed']))
    expect(faults[0]?.message).toMatch(
      /^the trail was rewritten at or before event 10: the checkpoint of .* gives its hash as [0-9a-f]{12}…, the trail as /,
    )
  })

  test('an event inserted later, with a time from before a checkpoint', async () => {
    const late = changed((line) => Object.assign(line.event, { occurredAt: '2026-11-02T10:00:00.000Z' }), 7)
    expect(await faultsOf(writeLines(rechained(late)))).toContain('time')
    expect(await faultsOf(writeLines(rechained(late)), { clockToleranceSeconds: 3600 })).not.toContain('time')
  })

  test('an event that was complete and is now only a link', async () => {
    const { previousHash, hash } = Object(readLines(lines)[at(5)])
    const hidden = lines.with(at(5), JSON.stringify({ kind: 'link', sequence: 5, previousHash, hash }))
    expect(await faultsOf(hidden)).toEqual(['withheld'])
    const excused = hidden.with(0, (lines[0] ?? '').replace('"shown":{}', '"shown":{"type":"api_key.revoked"}'))
    expect(await faultsOf(excused)).toEqual(['withheld'])
  })
})

describe('a checkpoint is accepted only', () => {
  const seal = () => ({
    ...Object(
      JSON.parse(Buffer.from(String(Object(readLines(lines)[2]).signed).split('.')[1] ?? '', 'base64url').toString()),
    ),
  })
  const signedBy = (signed: string, keys = lines[1] ?? '') =>
    lines.with(1, keys).with(2, JSON.stringify({ kind: 'checkpoint', signed }))
  const recordKeys = (): object[] => Object(readLines(lines)[1]).keys
  const keysWith = (...keys: unknown[]) => JSON.stringify({ kind: 'record_keys', keys: [...recordKeys(), ...keys] })

  test('if a record key signed it', async () => {
    const { faults } = await verifyTrail(signedBy(await signForeign(seal())))
    expect(faults[0]).toMatchObject({
      kind: 'foreign_key',
      message: 'a checkpoint is signed by foreign, which is not a record key',
      line: 3,
    })
  })

  test('if a pinned key signed it, when the file brings its own keys', async () => {
    const own = keysWith(foreign.publicJwk)
    const forged = signedBy(await signForeign(seal()), own)
    expect(await faultsOf(forged)).toEqual([])
    expect(await faultsOf(forged, { pinnedKeys: recordKeys() })).toEqual(['foreign_key', 'unsealed'])
    expect(await verifyTrail(lines, { pinnedKeys: recordKeys() })).toMatchObject({ faults: [], pinned: true })
  })

  test('as it was signed', async () => {
    const { signed } = Object(readLines(lines)[2])
    const [header, , signature] = String(signed).split('.')
    const payload = Buffer.from(JSON.stringify({ ...seal(), sequence: 9 })).toString('base64url')
    expect((await faultsOf(signedBy(`${header}.${payload}.${signature}`)))[0]).toBe('bad_checkpoint')
  })

  test.each([
    ['of another issuer', { iss: 'https://other.example' }],
    ['with another hash', { hash: '0'.repeat(64) }],
    ['with another count', { count: 9 }],
    ['that speaks of an event to come', { sequence: 11 }],
    ['without a hash', { hash: 'x' }],
    ['with half an event', { sequence: 9.5 }],
    ['without an issuer', { iss: undefined }],
    ['signed at an impossible time', { iat: Number.MAX_SAFE_INTEGER, hash: genesisHash }],
  ])('if it is not %s', async (_, claims) => {
    const own = keysWith(foreign.publicJwk)
    expect(await faultsOf(signedBy(await signForeign({ ...seal(), ...claims }), own))).not.toEqual([])
  })

  test('if it is well-formed: neither empty nor unreadable', async () => {
    const own = keysWith(foreign.publicJwk, null, { kid: 1 })
    const nothing: object = JSON.parse('null') ?? []
    for (const signed of [await signForeign(nothing), 'eyJ.x', '', 'a.b.c'])
      expect((await faultsOf(signedBy(signed, own)))[0]).toBe('bad_checkpoint')
    const broken = createTrail({ openWith: async () => async () => Promise.reject('nothing') })
    for (const line of lines) await broken.line(line)
    expect((await broken.verdict()).faults[0]?.message).toBe('a checkpoint is not valid: it cannot be read')
  })

  test('if it is not another type of record, such as a revocation feed', async () => {
    const feed = await signForeign(seal(), 'mintage-revocations-v2+jwt')
    expect((await faultsOf(signedBy(feed, keysWith(foreign.publicJwk))))[0]).toBe('bad_checkpoint')
  })

  test('if its key was not revoked before it was signed', async () => {
    const revoked = (at: number) => keysWith({ ...foreign.publicJwk, revoked: { revoked_at: at } })
    const { iat } = seal()
    expect(await faultsOf(signedBy(await signForeign(seal()), revoked(iat)))).toEqual(['revoked_key', 'unsealed'])
    expect(await faultsOf(signedBy(await signForeign(seal()), revoked(iat + 1)))).toEqual([])
  })
})

describe('an invalid file', () => {
  test.each([
    ['empty', []],
    ['no JSON', ['hello']],
    ['an array', ['[]']],
    [
      'another format',
      ['{"kind":"export","format":"x","version":1,"issuer":"x","exportedAt":"","exportedBy":"","shown":{},"head":{}}'],
    ],
    [
      'a newer version',
      [
        '{"kind":"export","format":"mintage-audit-trail","version":2,"issuer":"x","exportedAt":"","exportedBy":"","shown":{},"head":{}}',
      ],
    ],
    ['an unknown kind', ['{"kind":"toString"}']],
  ])('%s', async (_, text) => {
    expect((await faultsOf(text))[0]).toBe('malformed')
  })

  test.each([
    '{"kind":"record_keys","keys":{}}',
    '{"kind":"checkpoint","signed":1}',
    `{"kind":"link","sequence":0,"previousHash":"${genesisHash}","hash":"${genesisHash}"}`,
    `{"kind":"link","sequence":1.5,"previousHash":"${genesisHash}","hash":"${genesisHash}"}`,
    `{"kind":"link","sequence":1,"previousHash":"${genesisHash}","hash":"${'F'.repeat(64)}"}`,
    `{"kind":"event","previousHash":"${genesisHash}","hash":"${genesisHash}","event":null}`,
    `{"kind":"event","previousHash":"${genesisHash}","hash":"${genesisHash}","event":{"sequence":1}}`,
    `{"kind":"event","previousHash":"x","hash":"${genesisHash}","event":{}}`,
  ])('a line in a wrong form: %s', async (line) => {
    const { faults } = await verifyTrail(lines.toSpliced(3, 0, line))
    const fault = { kind: 'malformed', message: 'line 4 has not the shape of its kind', sequence: null, line: 4 }
    expect(faults).toContainEqual(fault)
  })

  test('a line with contradicting members', async () => {
    const third = lines[at(3)] ?? ''
    const twice = lines.with(at(3), third.replace('"actor":', '"actor":"key_shown_to_a_reader","actor":'))
    const beside = lines.with(at(3), third.replace('"event":', '"approvedBy":"root","event":'))
    for (const text of [twice, beside]) expect((await faultsOf(text))[0]).toBe('malformed')
  })

  test('a line with another one inserted before or into it', async () => {
    expect((await faultsOf([...lines, lines[0] ?? '']))[0]).toBe('malformed')
    expect((await faultsOf(lines.slice(1)))[0]).toBe('malformed')
    expect((await faultsOf(lines.toSpliced(1, 1)))[0]).toBe('malformed')
  })

  test('reports at most a hundred faults', async () => {
    expect(await faultsOf(Array.from({ length: 500 }, () => 'x'))).toHaveLength(100)
  })
})

test('no line can be removed, moved or changed in a single character', async () => {
  const change = fc.oneof(
    fc.record({ kind: fc.constant('drop' as const), line: fc.nat(lines.length - 1) }),
    fc.record({ kind: fc.constant('swap' as const), line: fc.nat(lines.length - 2) }),
    fc.record({
      kind: fc.constant('flip' as const),
      line: fc.nat(lines.length - 1),
      place: fc.nat(5000),
      by: fc.integer({ min: 1, max: 94 }),
    }),
  )
  await fc.assert(
    fc.asyncProperty(change, async (one) => {
      const text = lines[one.line] ?? ''
      const tampered =
        one.kind === 'drop'
          ? lines.toSpliced(one.line, 1)
          : one.kind === 'swap'
            ? lines.with(one.line, lines[one.line + 1] ?? '').with(one.line + 1, text)
            : lines.with(one.line, flipped(text, one.place % text.length, one.by))
      // The head that the operator kept, and the keys: what the first two lines say about themselves is not signed.
      const isUnsigned = one.kind === 'flip' && one.line <= 1
      const pinned = { pinnedKeys: Object(readLines(lines)[1]).keys }
      const faults = await faultsOf(tampered, pinned)
      if (!isUnsigned && !isSpareCheckpoint(one, text)) expect(faults).not.toEqual([])
    }),
    { numRuns: 300 },
  )
})

function flipped(text: string, place: number, by: number): string {
  const code = 32 + ((text.charCodeAt(place) - 32 + by) % 95)
  return text.slice(0, place) + String.fromCharCode(code) + text.slice(place + 1)
}

/** One checkpoint of several may be removed or moved: the remaining ones still cover what it covered. */
function isSpareCheckpoint(one: { kind: string; line: number }, text: string): boolean {
  const isOne = (line: string | undefined) => line?.startsWith('{"kind":"checkpoint"') === true && line !== lines[2]
  return (
    (one.kind === 'drop' && isOne(text)) ||
    (one.kind === 'swap' && (isOne(text) || isOne(lines[one.line + 1]) || one.line === 2))
  )
}
