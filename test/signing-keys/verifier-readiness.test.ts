import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bringForwardFrom, verifierReadiness } from '../../src/signing-keys/verifier-readiness.ts'
import { readinessText, readinessView } from '../../src/signing-keys/verifier-readiness-view.ts'
import type { VerifierSighting } from '../../src/verifiers/sighting.ts'

const now = new Date('2026-11-02T10:00:00.000Z')
const minutesAgo = (minutes: number) => new Date(now.getTime() - minutes * 60_000)

function seen(name: string, change: Partial<VerifierSighting> = {}): VerifierSighting {
  return { clientId: `key_${name}`, name, kids: ['old', 'new'], lastFetchedAt: minutesAgo(1), ...change }
}

describe('readiness', () => {
  test('counts the verifiers that hold the key and names the others, the longest unseen first', () => {
    const verifiers = [
      seen('a'),
      seen('b'),
      seen('late', { kids: ['old'], lastFetchedAt: minutesAgo(5) }),
      seen('later', { kids: ['old'], lastFetchedAt: minutesAgo(40) }),
    ]
    const judged = verifierReadiness(verifiers, 'new', now)
    expect(judged).toMatchObject({ holding: 2, known: 4, absent: [], safeToBringForward: false })
    expect(judged.waitingFor).toEqual([
      { name: 'later', lastFetchedAt: minutesAgo(40) },
      { name: 'late', lastFetchedAt: minutesAgo(5) },
    ])
    expect(readinessText(readinessView(judged), now)).toBe(
      '2 of 4 verifiers hold the new key, later last fetched 40 min ago, late last fetched 5 min ago',
    )
  })

  test('does not wait for a verifier that was unseen for a day, but shows it', () => {
    const gone = seen('gone', { kids: [], lastFetchedAt: minutesAgo(24 * 60 + 1) })
    const judged = verifierReadiness([seen('a'), gone], 'new', now)
    expect(judged).toMatchObject({ holding: 1, known: 1, waitingFor: [], safeToBringForward: true })
    expect(judged.absent).toEqual([{ name: 'gone', lastFetchedAt: gone.lastFetchedAt }])
    expect(readinessText(readinessView(judged), now)).toBe('1 of 1 verifiers hold the new key; absent: gone')
    const edge = seen('edge', { kids: [], lastFetchedAt: minutesAgo(24 * 60) })
    expect(verifierReadiness([edge], 'new', now)).toMatchObject({ known: 1, absent: [], safeToBringForward: false })
  })

  test('brings nothing forward without an authenticated verifier', () => {
    expect(verifierReadiness([], 'new', now)).toMatchObject({ known: 0, safeToBringForward: false })
    expect(readinessText(readinessView(verifierReadiness([], 'new', now)), now)).toBe(
      'no authenticated verifier has fetched the key set within a day',
    )
  })

  test('names an authenticated verifier without a name by its key', () => {
    const judged = verifierReadiness([seen('', { clientId: 'key_1', kids: [] })], 'new', now)
    expect(judged.waitingFor).toMatchObject([{ name: 'key_1' }])
  })

  test('ignores anonymous verifiers', () => {
    const sighting = fc.record({
      clientId: fc.constantFrom('', 'key_1', 'key_2'),
      name: fc.constantFrom('a', 'b', ''),
      kids: fc.subarray(['old', 'new']),
      lastFetchedAt: fc.nat({ max: 3000 }).map(minutesAgo),
    })
    fc.assert(
      fc.property(fc.array(sighting), (verifiers) => {
        const authenticated = verifiers.filter(({ clientId }) => clientId !== '')
        expect(verifierReadiness(verifiers, 'new', now)).toEqual(verifierReadiness(authenticated, 'new', now))
      }),
    )
  })
})

describe('an activation is brought forward', () => {
  const day = 86_400_000

  test('by at most a tenth of the interval, and at most a day', () => {
    const activatesAt = now
    const safeAt = new Date(0)
    expect(bringForwardFrom({ activatesAt, safeAt, rotateEverySeconds: 36_000 })).toEqual(minutesAgo(60))
    expect(bringForwardFrom({ activatesAt, safeAt, rotateEverySeconds: 90 * 86_400 })).toEqual(
      new Date(now.getTime() - day),
    )
  })

  test('never to before the safe time, whatever the plan', () => {
    const instant = fc.nat({ max: 4_000_000_000_000 }).map((milliseconds) => new Date(milliseconds))
    fc.assert(
      fc.property(instant, instant, fc.nat({ max: 31_536_000 }), (activatesAt, safeAt, rotateEverySeconds) => {
        expect(bringForwardFrom({ activatesAt, safeAt, rotateEverySeconds }) >= safeAt).toBe(true)
      }),
    )
  })
})

test('absent verifiers are listed with the latest seen first', () => {
  const seen = (name: string, hoursAgo: number) => ({
    clientId: 'key_1',
    name,
    kids: [],
    lastFetchedAt: new Date(now.getTime() - hoursAgo * 3_600_000),
  })
  const { absent } = verifierReadiness([seen('long ago', 90), seen('lately', 25), seen('a while ago', 40)], 'new', now)
  expect(absent.map(({ name }) => name)).toEqual(['lately', 'a while ago', 'long ago'])
})
