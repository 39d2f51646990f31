/**
 * How far a permission reaches: resources that the caller created or shares a service account with, its organization,
 * or every organization and the service.
 */
export type Reach = 'own' | 'organization' | 'all'

export type Role = 'root' | 'admin' | 'developer' | 'write_agent' | 'ci_service' | 'read_only'

const ofTheService = ['all'] as const satisfies readonly Reach[]
const ofAnOrganization = ['organization', 'all'] as const satisfies readonly Reach[]
const ofAnOwner = ['own', 'organization', 'all'] as const satisfies readonly Reach[]

/**
 * What can be done through the admin API: a noun and the operation's verb, with the reaches that it can have. A
 * permission that is `ofAnOwner` needs a query that passes the resource's owner to `organizationWithin`: otherwise a
 * caller of reach `own` finds nothing.
 */
export const reachesOf = {
  'organizations.create': ofTheService,
  'organizations.read': ofAnOrganization,
  'organizations.update': ofAnOrganization,
  'organizations.suspend': ofTheService,
  'organizations.delete': ofTheService,
  'organizations.change_plan': ofTheService,
  'organizations.change_policy': ofAnOrganization,
  'plans.read': ofTheService,
  'plans.change': ofTheService,
  'service_accounts.create': ofAnOrganization,
  'service_accounts.read': ofAnOwner,
  'service_accounts.update': ofAnOrganization,
  'service_accounts.disable': ofAnOrganization,
  'service_accounts.delete': ofAnOrganization,
  'roles.read': ofAnOrganization,
  'roles.change': ofAnOrganization,
  'members.read': ofAnOrganization,
  'members.assign_roles': ofAnOrganization,
  'api_keys.create': ofAnOwner,
  'api_keys.read': ofAnOwner,
  'api_keys.update': ofAnOwner,
  'api_keys.rotate': ofAnOwner,
  'api_keys.disable': ofAnOwner,
  'api_keys.revoke': ofAnOwner,
  'api_keys.delete': ofAnOwner,
  'api_keys.import': ofAnOrganization,
  'api_keys.set_identity': ofAnOrganization,
  'revocations.create': ofAnOrganization,
  'revocations.create_service_wide': ofTheService,
  'revocations.read': ofAnOrganization,
  'revocations.lift': ofTheService,
  'signing_keys.read': ofTheService,
  'signing_keys.rotate': ofTheService,
  'signing_keys.replace': ofTheService,
  'signing_keys.import': ofTheService,
  'signing_keys.add': ofTheService,
  'keks.read': ofTheService,
  'keks.rewrap': ofTheService,
  'audit_events.read': ofAnOwner,
  'audit_checkpoints.create': ofTheService,
} as const satisfies Readonly<Record<string, readonly Reach[]>>

export type Permission = keyof typeof reachesOf

/** Permission → how far. A permission that is absent is not given. */
export type Permissions = Readonly<Partial<Record<Permission, Reach>>>

export const permissions: readonly Permission[] = Object.keys(reachesOf).filter(isPermission)

/** Role → what it permits, and how far. docs/access.md describes the roles. */
export const permissionsOf: Readonly<Record<Role, Permissions>> = {
  root: Object.fromEntries(permissions.map((permission) => [permission, 'all'])),
  admin: {
    'organizations.read': 'organization',
    'organizations.update': 'organization',
    'organizations.change_policy': 'organization',
    'service_accounts.create': 'organization',
    'service_accounts.read': 'organization',
    'service_accounts.update': 'organization',
    'service_accounts.disable': 'organization',
    'service_accounts.delete': 'organization',
    'roles.read': 'organization',
    'roles.change': 'organization',
    'members.read': 'organization',
    'members.assign_roles': 'organization',
    'api_keys.create': 'organization',
    'api_keys.read': 'organization',
    'api_keys.update': 'organization',
    'api_keys.rotate': 'organization',
    'api_keys.disable': 'organization',
    'api_keys.revoke': 'organization',
    'api_keys.delete': 'organization',
    'api_keys.import': 'organization',
    'api_keys.set_identity': 'organization',
    'revocations.create': 'organization',
    'revocations.read': 'organization',
    'audit_events.read': 'organization',
  },
  /** A person or a team: creates keys and manages those that it created. */
  developer: {
    'organizations.read': 'organization',
    'service_accounts.read': 'own',
    'roles.read': 'organization',
    'api_keys.create': 'own',
    'api_keys.read': 'own',
    'api_keys.update': 'own',
    'api_keys.rotate': 'own',
    'api_keys.disable': 'own',
    'api_keys.revoke': 'own',
    'api_keys.delete': 'own',
    'audit_events.read': 'own',
  },
  /** A provisioning program: edits keys in the whole organization, but sees and ends secrets only of its own keys. */
  write_agent: {
    'organizations.read': 'organization',
    'service_accounts.read': 'organization',
    'api_keys.create': 'own',
    'api_keys.read': 'organization',
    'api_keys.update': 'organization',
    'api_keys.rotate': 'own',
    'api_keys.disable': 'own',
    'api_keys.revoke': 'own',
    'api_keys.delete': 'own',
  },
  /** A pipeline: manages the keys of its own service account, creates none, and its key must expire. */
  ci_service: {
    'service_accounts.read': 'own',
    'api_keys.read': 'own',
    'api_keys.rotate': 'own',
    'api_keys.revoke': 'own',
  },
  /** An auditor: sees everything in the organization, changes nothing. */
  read_only: {
    'organizations.read': 'organization',
    'service_accounts.read': 'organization',
    'roles.read': 'organization',
    'members.read': 'organization',
    'api_keys.read': 'organization',
    'revocations.read': 'organization',
    'audit_events.read': 'organization',
  },
}

export const roles: readonly Role[] = Object.keys(permissionsOf).filter(isRole)

/** A built-in role. Any other word may name a custom role of an organization; an unknown role permits nothing. */
export function isRole(word: string): word is Role {
  return Object.hasOwn(permissionsOf, word)
}

export function isPermission(word: string): word is Permission {
  return Object.hasOwn(reachesOf, word)
}

/** Whether a key that holds these roles must expire: nobody rotates a secret by hand that is stored in a pipeline. */
export function mustExpire(held: Iterable<string>): boolean {
  return [...held].includes('ci_service')
}

/** Whether `held` permits everything that `granted` permits, at least as far. */
export function coversPermissions(held: Permissions, granted: Permissions): boolean {
  return permissions.every((permission) => rank(granted[permission]) <= rank(held[permission]))
}

/** Whether one reach is at least as wide as the other. */
export function reachesAtLeast(one: Reach, other: Reach): boolean {
  return rank(one) >= rank(other)
}

/** The wider of two reaches; undefined = none. */
export function widerReach(one: Reach, other: Reach | undefined): Reach {
  return other === undefined || rank(one) >= rank(other) ? one : other
}

function rank(reach: Reach | undefined): number {
  switch (reach) {
    case undefined:
      return 0
    case 'own':
      return 1
    case 'organization':
      return 2
    case 'all':
      return 3
    default:
      return reach satisfies never
  }
}
