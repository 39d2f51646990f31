import { invalidRequest } from '../errors.ts'

const longest = 40

/**
 * A slug as it was chosen: 3 to 40 small letters, digits and single hyphens between them, a letter first, so that it reads well in a URL, looks
 * like no id (those have an underscore) and has one spelling. Throws `invalid_request`.
 */
export function checkSlug(slug: string): string {
  if (isSlug(slug)) return slug
  throw invalidRequest('slug is not 3 to 40 small letters, digits and single hyphens between them, a letter first.')
}

/** A slug out of a name; a name without any letter of the alphabet gives `organization`. It may be taken: then one with `suffix` serves. */
export function slugFrom(name: string, suffix = ''): string {
  const ascii = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
  const words = ascii.match(/[a-z0-9]+/g) ?? []
  const from = words.findIndex((word) => /^[a-z]/.test(word))
  const joined = from === -1 ? '' : words.slice(from).join('-')
  const stem = joined.slice(0, longest - suffix.length - 1).replace(/-$/, '')
  const slug = stem.length >= 3 ? stem : 'organization'
  return suffix === '' ? slug : `${slug}-${suffix}`
}

function isSlug(text: string): boolean {
  return text.length >= 3 && text.length <= longest && /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(text)
}
