import { invalidRequest } from '../errors.ts'
import {
  isPermission,
  isRole,
  type Permission,
  type Permissions,
  type Reach,
  reachesOf,
  widerReach,
} from './permissions.ts'

/**
 * What a custom role permits, from its stored texts `permission:reach`. Text that this version does not know permits
 * nothing. A custom role never reaches beyond its organization, whatever is stored.
 */
export function readPermissions(texts: readonly string[]): Permissions {
  const read: Partial<Record<Permission, Reach>> = {}
  for (const text of texts) {
    const entry = readEntry(text)
    if (entry) read[entry.permission] = widerReach(entry.reach, read[entry.permission])
  }
  return read
}

/**
 * The checked texts of a new custom role: each permission once with its widest reach, in alphabetical order. Throws
 * `invalid_request` for an empty list, and for a text that is not a permission with a reach that it can have.
 */
export function checkPermissions(texts: readonly string[]): string[] {
  if (texts.length === 0) throw invalidRequest('permissions is empty.')
  if (!texts.every((text) => readEntry(text))) {
    throw invalidRequest(
      'permissions contains something that is not a permission:reach of a role within an organization, such as api_keys.read:own.',
    )
  }
  return Object.entries(readPermissions(texts))
    .map(([permission, reach]) => `${permission}:${reach}`)
    .sort()
}

/**
 * 3 to 50 lowercase letters, digits and underscores, and not the name of a built-in role. Throws `invalid_request`.
 */
export function checkRoleName(name: string): string {
  if (!/^[a-z][a-z0-9_]{2,49}$/.test(name))
    throw invalidRequest('name must be 3 to 50 lowercase letters, digits and underscores, and start with a letter.')
  if (isRole(name)) throw invalidRequest('name belongs to a built-in role. Choose another one.')
  return name
}

function readEntry(text: string): { permission: Permission; reach: Reach } | undefined {
  const [permission = '', reach, rest] = text.split(':')
  if (rest !== undefined || !isPermission(permission)) return undefined
  const possible: readonly Reach[] = reachesOf[permission]
  if (reach !== 'own' && reach !== 'organization') return undefined
  return possible.includes(reach) ? { permission, reach } : undefined
}
