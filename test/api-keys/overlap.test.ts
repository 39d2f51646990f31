import { describe, expect, test } from 'vitest'
import { overlapEnd, rotationDueAt } from '../../src/api-keys/overlap.ts'

const now = new Date('2026-11-20T12:00:00.000Z')
const at = (seconds: number) => new Date(now.getTime() + seconds * 1000)
const plan = { defaultOverlapSeconds: 3600, maxOverlapSeconds: 86400 }
const never = { expiresAt: null, versionExpiresAt: null }

describe('a replaced version works', () => {
  test.each<[string, Parameters<typeof overlapEnd>[0], number | undefined, Date]>([
    ['for the default time of the plan', never, undefined, at(3600)],
    ['for the requested time', never, 60, at(60)],
    ['not at all, with an overlap of 0', never, 0, now],
    ['up to the maximum of the plan', never, 86400, at(86400)],
    ['never longer than its key', { expiresAt: at(10), versionExpiresAt: null }, 60, at(10)],
    ['never beyond its own earlier end', { expiresAt: at(30), versionExpiresAt: at(20) }, 60, at(20)],
    ['not at all, if it had ended before', { expiresAt: null, versionExpiresAt: at(-20) }, 60, now],
  ])('%s', (_, apiKey, asked, end) => {
    expect(overlapEnd(apiKey, asked, plan, now)).toEqual(end)
  })

  test('not for an overlap longer than the plan allows', () => {
    expect(overlapEnd(never, 86401, plan, now)).toBeUndefined()
  })
})

test('a rotation is due one period after the last one', () => {
  expect(rotationDueAt({ rotateEverySeconds: 86400, versionCreatedAt: now })).toEqual(at(86400))
  expect(rotationDueAt({ rotateEverySeconds: null, versionCreatedAt: now })).toBeNull()
})
