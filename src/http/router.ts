import type { Result, Router } from 'hono/router'
import { TrieRouter } from 'hono/router/trie-router'

/**
 * A router for any set of paths that remembers what it found for those without parameters: /token is not searched for again. Holds no more
 * than the registered paths times the registered methods.
 */
export function rememberingRouter<Handler>(): Router<Handler> {
  const tree = new TrieRouter<Handler>()
  const paths = new Set<string>()
  const methods = new Set<string>()
  const found = new Map<string, Result<Handler>>()
  return {
    name: 'remembering',
    add(method, path, handler) {
      tree.add(method, path, handler)
      methods.add(method)
      if (!/[:*]/.test(path)) paths.add(path)
      found.clear()
    },
    match(method, path) {
      const asked = `${method} ${path}`
      const known = found.get(asked)
      if (known) return known
      const result = tree.match(method, path)
      if (paths.has(path) && methods.has(method)) found.set(asked, result)
      return result
    },
  }
}
