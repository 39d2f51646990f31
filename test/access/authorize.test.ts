import { describe, expect, test } from 'vitest'
import { authorize, authorizeGrant, organizationFor } from '../../src/access/authorize.ts'
import { isRole, type Permission, permissionsOf } from '../../src/access/permissions.ts'
import type { Principal, Role } from '../../src/access/principal.ts'

const everyPermission = [
  'organizations.create',
  'organizations.read',
  'api_keys.create',
  'api_keys.read',
  'api_keys.revoke',
  'revocations.create',
  'revocations.create_service_wide',
  'revocations.read',
  'revocations.lift',
  'signing_keys.read',
  'signing_keys.rotate',
  'signing_keys.replace',
  'signing_keys.import',
  'signing_keys.add',
  'audit_events.read',
] as const satisfies readonly Permission[]

const ofTheService: readonly Permission[] = [
  'organizations.create',
  'revocations.create_service_wide',
  'revocations.lift',
  'signing_keys.read',
  'signing_keys.rotate',
  'signing_keys.replace',
  'signing_keys.import',
  'signing_keys.add',
]

function caller(roles: Role[], held: { scopes?: string[]; audiences?: string[] } = {}): Principal {
  return {
    clientId: 'key_caller',
    organizationId: 'org_own',
    roles: new Set(roles),
    scopes: new Set(held.scopes),
    audiences: new Set(held.audiences),
    origin: { requestId: null, address: null, agent: null },
  }
}

describe('role × permission', () => {
  test.each(everyPermission)('root may %s everywhere', (permission) => {
    expect(authorize(caller(['root']), permission)).toBe('everywhere')
  })

  test.each(everyPermission.filter((permission) => !ofTheService.includes(permission)))(
    'an admin may %s in its own organization',
    (permission) => {
      expect(authorize(caller(['admin']), permission)).toEqual({ organizationId: 'org_own' })
    },
  )

  test.each(ofTheService)('an admin may not %s', (permission) => {
    expect(() => authorize(caller(['admin']), permission)).toThrow(expect.objectContaining({ code: 'permission_denied' }))
  })

  test.each(everyPermission)('a caller without a role may not %s', (permission) => {
    expect(() => authorize(caller([]), permission)).toThrow(expect.objectContaining({ code: 'permission_denied' }))
  })

  test('the widest reach of several roles counts', () => {
    expect(authorize(caller(['admin', 'root']), 'api_keys.read')).toBe('everywhere')
  })

  test('an admin of no organization may do nothing', () => {
    const nobody = { ...caller(['admin']), organizationId: null }
    expect(() => authorize(nobody, 'api_keys.read')).toThrow(expect.objectContaining({ code: 'permission_denied' }))
  })

  test('the table knows no permission that this test does not', () => {
    const known = new Set<string>(everyPermission)
    for (const table of Object.values(permissionsOf)) expect(Object.keys(table).filter((permission) => !known.has(permission))).toEqual([])
  })
})

test.each(['', 'Root', 'ROOT', 'owner', 'admin ', '__proto__', 'constructor'])('%j is no role', (word) => {
  expect(isRole(word)).toBe(false)
})

describe('nobody grants what they do not hold', () => {
  const admin = caller(['admin'], { scopes: ['orders:read'], audiences: ['https://api.example'] })
  const nothing = { scopes: [], audiences: [], roles: [] }

  test('what the caller holds may be granted', () => {
    authorizeGrant(admin, { scopes: ['orders:read'], audiences: ['https://api.example'], roles: ['admin'] })
  })

  test.each([
    ['a scope', { ...nothing, scopes: ['orders:read', 'orders:write'] }],
    ['a scope that begins alike', { ...nothing, scopes: ['orders:readonly'] }],
    ['an audience', { ...nothing, audiences: ['https://other.example'] }],
    ['a higher role', { ...nothing, roles: ['root'] as const }],
  ])('%s that it does not hold may not', (_, grant) => {
    expect(() => authorizeGrant(admin, grant)).toThrow(expect.objectContaining({ code: 'permission_denied' }))
  })

  test('root may grant everything', () => {
    authorizeGrant(caller(['root']), { scopes: ['anything'], audiences: ['https://anywhere.example'], roles: ['root', 'admin'] })
  })
})

describe('the organization of a new thing', () => {
  test('is the one asked for where the caller reaches everywhere', () => {
    expect(organizationFor(caller(['root']), 'everywhere', 'org_other')).toBe('org_other')
  })

  test("is the caller's own when nothing is asked", () => {
    expect(organizationFor(caller(['root']), 'everywhere', undefined)).toBe('org_own')
    expect(organizationFor(caller(['admin']), { organizationId: 'org_own' }, undefined)).toBe('org_own')
  })

  test('looks missing when it is not theirs', () => {
    expect(() => organizationFor(caller(['admin']), { organizationId: 'org_own' }, 'org_other')).toThrow(
      expect.objectContaining({ code: 'not_found' }),
    )
  })

  test('has to be said by a caller who has none', () => {
    const nobody = { ...caller(['root']), organizationId: null }
    expect(() => organizationFor(nobody, 'everywhere', undefined)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  })
})
