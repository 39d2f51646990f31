import type { Role } from './principal.ts'

/** What can be done through the admin API: a noun and the operation's verb. */
export type Permission =
  | 'organizations.create'
  | 'organizations.read'
  | 'api_keys.create'
  | 'api_keys.read'
  | 'api_keys.revoke'
  | 'revocations.create'
  | 'revocations.create_service_wide'
  | 'revocations.read'
  | 'revocations.lift'
  | 'signing_keys.read'
  | 'signing_keys.rotate'
  | 'signing_keys.replace'
  | 'signing_keys.import'
  | 'signing_keys.add'
  | 'audit_events.read'

/** How far a permission reaches: the caller's own organization, or every one and the service itself. */
export type Reach = 'own' | 'all'

/** Role → what it may do, and how far. What is absent is forbidden. */
export const permissionsOf: Readonly<Record<Role, Readonly<Partial<Record<Permission, Reach>>>>> = {
  root: {
    'organizations.create': 'all',
    'organizations.read': 'all',
    'api_keys.create': 'all',
    'api_keys.read': 'all',
    'api_keys.revoke': 'all',
    'revocations.create': 'all',
    'revocations.create_service_wide': 'all',
    'revocations.read': 'all',
    'revocations.lift': 'all',
    'signing_keys.read': 'all',
    'signing_keys.rotate': 'all',
    'signing_keys.replace': 'all',
    'signing_keys.import': 'all',
    'signing_keys.add': 'all',
    'audit_events.read': 'all',
  },
  admin: {
    'organizations.read': 'own',
    'api_keys.create': 'own',
    'api_keys.read': 'own',
    'api_keys.revoke': 'own',
    'revocations.create': 'own',
    'revocations.read': 'own',
    'audit_events.read': 'own',
  },
}

export const roles: readonly Role[] = ['root', 'admin']

/** False for a word that this version does not know: a role nobody knows permits nothing. */
export function isRole(word: string): word is Role {
  return word === 'root' || word === 'admin'
}
