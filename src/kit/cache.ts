type BoundedCache<Value> = {
  get(key: string): Value | undefined
  set(key: string, value: Value): void
  delete(key: string): void
  readonly size: number
}

/**
 * Holds at most `capacity` entries and drops the least recently used, in two generations: when the young one is full it becomes the old
 * one, and entries used from the old one move back. A hit on a young entry writes nothing, so it is cheaper than a list kept in order of
 * use. A capacity of 0 holds nothing.
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
