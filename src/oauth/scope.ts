import { ServiceError } from '../errors.ts'
import { hasScopes } from '../kit/token/held-scopes.ts'

/** RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), case-sensitive. */
export function isScopeToken(text: string): boolean {
  return /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text)
}

/**
 * The scope tokens of a `scope` parameter, which are separated by exactly one space. Without duplicates, in order of
 * first appearance. Throws `invalid_scope` for anything outside the grammar, such as tabs, quotes and look-alike
 * letters.
 */
export function parseScope(text: string): ReadonlySet<string> {
  const scopes = new Set<string>()
  for (const token of text.split(' ')) {
    if (!isScopeToken(token))
      throw new ServiceError('invalid_scope', {
        detail: 'scope is malformed. Send scope tokens separated by one space.',
      })
    scopes.add(token)
  }
  return scopes
}

/**
 * The scopes of a token: all requested ones, or `invalid_scope`. A scope that the key does not hold is refused, never
 * dropped silently. If none is requested, the token gets all scopes of the key, with wildcards unexpanded (RFC 6749
 * §3.3).
 */
export function narrowScope(requested: ReadonlySet<string> | undefined, held: readonly string[]): readonly string[] {
  if (requested === undefined) return held
  if (!hasScopes(held, requested, 'all')) {
    throw new ServiceError('invalid_scope', {
      detail: 'The requested scope is more than the API key holds. Ask for less, or leave scope out.',
    })
  }
  return [...requested]
}
