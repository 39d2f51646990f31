import type { Result, Router } from 'hono/router'
import { TrieRouter } from 'hono/router/trie-router'

/**
 * A trie router that caches its results for paths without parameters, so that `/token` is not looked up each time. The
 * cache has at most one entry for each registered path and method.
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
