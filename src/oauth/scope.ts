import { ServiceError } from '../errors.ts'
import { hasScopes } from '../kit/token/held-scopes.ts'

/** RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), case-sensitive. */
export function isScopeToken(text: string): boolean {
  return /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text)
}

/**
 * The scope tokens of a `scope` parameter: separated by exactly one space, duplicates folded, order of first
 * appearance. Throws `invalid_scope` for anything that the grammar does not hold, so tabs, quotes and look-alike
 * letters never get further.
 */
export function parseScope(text: string): ReadonlySet<string> {
  const scopes = new Set<string>()
  for (const token of text.split(' ')) {
    if (!isScopeToken(token))
      throw new ServiceError('invalid_scope', { detail: 'scope is not a list of scope tokens separated by one space.' })
    scopes.add(token)
  }
  return scopes
}

/**
 * What a token may hold of what was asked: all of it, as it was asked, or `invalid_scope`. A scope that the key does
 * not hold is refused and never dropped silently; nothing asked gives everything that the key holds, wildcards as they
 * stand (RFC 6749 §3.3).
 */
export function narrowScope(requested: ReadonlySet<string> | undefined, held: readonly string[]): readonly string[] {
  if (requested === undefined) return held
  if (!hasScopes(held, requested, 'all')) {
    throw new ServiceError('invalid_scope', { detail: 'The requested scope is more than the API key holds.' })
  }
  return [...requested]
}
