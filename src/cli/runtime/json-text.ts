import { lostMember } from '../../kit/json-object.ts'

export const notJson = 'is not JSON.'

/**
 * Reads JSON that a person wrote. `fault` says what is wrong with it, as the end of a sentence: also that it has a
 * member which JSON.parse or a copy would drop silently.
 */
export function readJsonText(text: string): { readonly value: unknown } | { readonly fault: string } {
  try {
    const value: unknown = JSON.parse(text)
    const lost = lostMember(text, value)
    if (lost === '__proto__') return { fault: 'has a member __proto__.' }
    return lost === 'duplicate' ? { fault: 'has two members of the same name.' } : { value }
  } catch {
    return { fault: notJson }
  }
}
