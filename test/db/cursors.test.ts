import { describe, expect, test } from 'vitest'
import { newId } from '../../src/crypto/random.ts'
import { cursorsOf, idPositions, numberPositions } from '../../src/db/cursors.ts'

describe('a cursor', () => {
  const keys = cursorsOf('api-keys', idPositions('key'))
  const numbered = cursorsOf('events', numberPositions)
  const id = newId('key')

  test('leads back to the position that it was written for', () => {
    expect(keys.read(keys.write(id))).toBe(id)
    expect(numbered.read(numbered.write(12))).toBe(12)
    expect(keys.read(undefined)).toBeUndefined()
  })

  test.each([
    '',
    'zzz',
    id,
    'api-keys.',
    'api-keys.zzz',
    `api-keys.${newId('org')}`,
    `members.${id}`,
    `${'api-keys.'}${id}0`,
  ])('of no list, of another list or without a position is refused: %j', (cursor) => {
    expect(() => keys.read(cursor)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  })

  test.each([
    'events.0',
    'events.01',
    'events.-1',
    'events.1e3',
    'events.1.5',
    `events.${'9'.repeat(16)}`,
    'events. 1',
  ])('with an unusual number is refused: %j', (cursor) => {
    expect(() => numbered.read(cursor)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  })
})
