/**
 * Whether holding one scope is holding the other: the same token, or a wildcard. `*` covers everything, `orders:*` whatever begins with
 * `orders:` and goes on, `orders:items:*` included, but not `orders`. A star anywhere else is a character like any other.
 */
export function scopeCovers(held: string, asked: string): boolean {
  if (held === asked || held === '*') return true
  return held.endsWith(':*') && asked.length >= held.length && asked.startsWith(held.slice(0, -1))
}

/**
 * Whether `held` covers all, or any, of `required`. Nothing required: all of it is held, any of it is not.
 *
 * @example
 * ```ts
 * import { hasScopes } from 'mintage/verify'
 *
 * hasScopes(['orders:*'], ['orders:read', 'orders:write'], 'all') // true
 * hasScopes(['orders:read'], ['orders:write', 'admin'], 'any') // false
 * ```
 */
export function hasScopes(held: Iterable<string>, required: Iterable<string>, which: 'all' | 'any'): boolean {
  const scopes = held instanceof Set ? held : new Set(held)
  for (const asked of required) {
    if (holds(scopes, asked) !== (which === 'all')) return which === 'any'
  }
  return which === 'all'
}

function holds(scopes: ReadonlySet<string>, asked: string): boolean {
  if (scopes.has(asked)) return true
  for (const held of scopes) {
    if (scopeCovers(held, asked)) return true
  }
  return false
}
