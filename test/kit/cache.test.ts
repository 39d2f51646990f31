import { expect, test } from 'vitest'
import { createBoundedCache } from '../../src/kit/cache.ts'

test('a full cache never holds more than its capacity', () => {
  const cache = createBoundedCache<number>(10)
  for (let index = 0; index < 1000; index += 1) {
    cache.set(`key ${index}`, index)
    cache.get(`key ${index - 3}`)
    expect(cache.size).toBeLessThanOrEqual(10)
  }
})

test('entries in use stay, unused ones are dropped', () => {
  const cache = createBoundedCache<number>(10)
  cache.set('used', 1)
  cache.set('unused', 2)
  for (let index = 0; index < 100; index += 1) {
    cache.set(`key ${index}`, index)
    expect(cache.get('used')).toBe(1)
  }
  expect(cache.get('unused')).toBeUndefined()
})

test('a deleted entry is gone, from the older generation too', () => {
  const cache = createBoundedCache<number>(4)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.set('c', 3)
  cache.delete('a')
  cache.delete('c')
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([undefined, 2, undefined])
})

test('a cache with capacity 0 stores nothing', () => {
  const cache = createBoundedCache<number>(0)
  cache.set('a', 1)
  expect(cache.get('a')).toBeUndefined()
})
