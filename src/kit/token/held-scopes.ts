/**
 * Whether a held scope covers the one asked for: they are equal, or the held one is a wildcard that matches. `*` covers
 * everything. `orders:*` covers everything that starts with `orders:` and has more after it, such as `orders:items:*`,
 * but not `orders`. An asterisk anywhere else is an ordinary character.
 */
export function scopeCovers(held: string, asked: string): boolean {
  if (held === asked || held === '*') return true
  return held.endsWith(':*') && asked.length >= held.length && asked.startsWith(held.slice(0, -1))
}

/**
 * Whether `held` covers all, or any, of `required`. If nothing is required, `all` is true and `any` is false.
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
