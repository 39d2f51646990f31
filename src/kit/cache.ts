type BoundedCache<Value> = {
  get(key: string): Value | undefined
  set(key: string, value: Value): void
  delete(key: string): void
  readonly size: number
}

/**
 * Holds at most `capacity` entries and drops the least recently used ones. There are two generations: when the young
 * one is full, it replaces the old one. An entry found in the old one moves back to the young one. A hit on a young
 * entry writes nothing, which is cheaper than keeping a list in order of use. A capacity of 0 disables the cache.
 */
export function createBoundedCache<Value>(capacity: number): BoundedCache<Value> {
  const generation = Math.ceil(capacity / 2)
  let young = new Map<string, Value>()
  let old = new Map<string, Value>()

  function set(key: string, value: Value): void {
    if (generation === 0) return
    if (young.size >= generation && !young.has(key)) {
      old = young
      young = new Map()
    }
    young.set(key, value)
  }

  return {
    get(key) {
      const value = young.get(key)
      if (value !== undefined) return value
      const older = old.get(key)
      if (older !== undefined) {
        old.delete(key)
        set(key, older)
      }
      return older
    },
    set,
    delete(key) {
      young.delete(key)
      old.delete(key)
    },
    get size() {
      return young.size + old.size
    },
  }
}
