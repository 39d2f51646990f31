import { invalidRequest } from '../errors.ts'

const longest = 40

/**
 * Checks a chosen slug: 3 to 40 lowercase letters, digits and single hyphens, starting with a letter. So it reads well
 * in a URL, has one spelling, and cannot look like an id (ids contain an underscore). Throws `invalid_request`.
 */
export function checkSlug(slug: string): string {
  if (isSlug(slug)) return slug
  throw invalidRequest('slug must be 3 to 40 lowercase letters, digits and single hyphens, and start with a letter.')
}

/**
 * Makes a slug from a name, or `organization` if the name has no usable letters. If the slug is taken, try again with a
 * `suffix`.
 */
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
