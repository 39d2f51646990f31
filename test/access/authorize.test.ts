import { describe, expect, test } from 'vitest'
import { authorize, authorizeGrant, organizationFor, wholeOrganization } from '../../src/access/authorize.ts'
import {
  coversPermissions,
  isRole,
  mustExpire,
  type Permission,
  permissions,
  permissionsOf,
  type Reach,
  reachesOf,
  roles,
} from '../../src/access/permissions.ts'
import type { CustomRoles, Principal } from '../../src/access/principal.ts'
import { ServiceError } from '../../src/errors.ts'

type Held = { scopes?: string[]; audiences?: string[]; customRoles?: CustomRoles; serviceAccountId?: string }

function caller(roles: string[], { scopes, audiences, ...held }: Held = {}): Principal {
  return {
    clientId: 'key_caller',
    organizationId: 'org_own',
    roles: new Set(roles),
    scopes: new Set(scopes),
    audiences: new Set(audiences),
    origin: { requestId: null, address: null, agent: null },
    ...held,
  }
}

const denied = expect.objectContaining({ code: 'permission_denied' })
const ofTheService = permissions.filter((permission) => reachesOf[permission][0] === 'all')

describe('role × permission', () => {
  test.each(permissions)('root may %s everywhere', (permission) => {
    expect(authorize(caller(['root']), permission)).toBe('everywhere')
  })

  test.each(permissions.filter((permission) => !ofTheService.includes(permission)))(
    'an admin may %s in its whole organization',
    (permission) => {
      expect(authorize(caller(['admin']), permission)).toEqual({ organizationId: 'org_own' })
    },
  )

  test.each(
    roles
      .filter((role) => role !== 'root')
      .flatMap((role) => ofTheService.map((permission) => [role, permission] as const)),
  )('%s may not %s', (role, permission) => {
    expect(() => authorize(caller([role]), permission)).toThrow(denied)
  })

  test.each(permissions)('a caller without a role may not %s', (permission) => {
    expect(() => authorize(caller([]), permission)).toThrow(denied)
  })

  test.each(
    roles.flatMap((role) =>
      Object.entries(permissionsOf[role]).map(([permission, reach]) => [role, permission, reach] as const),
    ),
  )('%s may %s only within its reach', (_, permission, reach) => {
    const possible: Readonly<Record<string, readonly Reach[]>> = reachesOf
    expect(possible[permission]).toContain(reach)
  })

  test('a developer reaches what it created itself, and what belongs to its service account', () => {
    const owner = { clientId: 'key_caller', serviceAccountId: 'svc_1' }
    expect(authorize(caller(['developer'], { serviceAccountId: 'svc_1' }), 'api_keys.update')).toEqual({
      organizationId: 'org_own',
      owner,
    })
    expect(authorize(caller(['developer']), 'audit_events.read')).toEqual({
      organizationId: 'org_own',
      owner: { clientId: 'key_caller', serviceAccountId: null },
    })
  })

  test('the widest reach of several roles counts, in any order', () => {
    expect(authorize(caller(['admin', 'root']), 'api_keys.read')).toBe('everywhere')
    expect(authorize(caller(['developer', 'read_only']), 'api_keys.read')).toEqual({ organizationId: 'org_own' })
    expect(authorize(caller(['read_only', 'developer']), 'api_keys.read')).toEqual({ organizationId: 'org_own' })
  })

  test('a custom role permits what it lists; an undefined one permits nothing', () => {
    const customRoles: CustomRoles = new Map([['key_reader', { 'api_keys.read': 'organization' }]])
    const reader = caller(['key_reader', 'made_up'], { customRoles })
    expect(authorize(reader, 'api_keys.read')).toEqual({ organizationId: 'org_own' })
    expect(() => authorize(reader, 'api_keys.revoke')).toThrow(denied)
    expect(() => authorize(caller(['key_reader']), 'api_keys.read')).toThrow(denied)
  })

  test('a custom role cannot replace a built-in role of the same name', () => {
    const customRoles: CustomRoles = new Map([['read_only', { 'api_keys.revoke': 'organization' }]])
    expect(() => authorize(caller(['read_only'], { customRoles }), 'api_keys.revoke')).toThrow(denied)
  })

  test('an admin without an organization may do nothing', () => {
    expect(() => authorize({ ...caller(['admin']), organizationId: null }, 'api_keys.read')).toThrow(denied)
  })

  test('only keys of pipelines must expire', () => {
    expect(roles.filter((role) => mustExpire([role]))).toEqual(['ci_service'])
    expect(mustExpire(['read_only', 'ci_service'])).toBe(true)
  })
})

test.each(['', 'Root', 'ROOT', 'owner', 'admin ', '__proto__', 'constructor', 'toString'])(
  '%j is not a built-in role',
  (word) => {
    expect(isRole(word)).toBe(false)
    expect(() => authorize(caller([word]), 'api_keys.read')).toThrow(denied)
  },
)

describe('a caller cannot grant more than it has', () => {
  const admin = caller(['admin'], { scopes: ['orders:read', 'invoices:*'], audiences: ['https://api.example'] })
  const nothing = { scopes: [], audiences: [], roles: [] }

  test('a scope that the caller has may be granted', () => {
    authorizeGrant(admin, { scopes: ['orders:read'], audiences: ['https://api.example'], roles: ['admin'] })
  })

  test('with a wildcard, a caller may grant it and narrower scopes', () => {
    authorizeGrant(admin, { ...nothing, scopes: ['invoices:read', 'invoices:lines:*', 'invoices:*'] })
  })

  test('a role may be granted by a caller with all of its permissions', () => {
    authorizeGrant(admin, { ...nothing, roles: ['developer', 'write_agent', 'ci_service', 'read_only'] })
    const customRoles: CustomRoles = new Map([['key_reader', { 'api_keys.read': 'organization' }]])
    authorizeGrant(caller(['read_only']), { ...nothing, roles: ['key_reader'] }, customRoles)
  })

  test.each([
    ['a scope', { ...nothing, scopes: ['orders:read', 'orders:write'] }],
    ['a scope that begins alike', { ...nothing, scopes: ['orders:readonly'] }],
    ['a wildcard over a scope', { ...nothing, scopes: ['orders:*'] }],
    ['a wildcard over everything', { ...nothing, scopes: ['*'] }],
    ['an audience', { ...nothing, audiences: ['https://other.example'] }],
    ['a higher role', { ...nothing, roles: ['root'] }],
  ])('%s that the caller does not have cannot be granted', (_, grant) => {
    expect(() => authorizeGrant(admin, grant)).toThrow(denied)
  })

  test('a role with a wider reach than the caller’s cannot be granted', () => {
    expect(() => authorizeGrant(caller(['developer']), { ...nothing, roles: ['read_only'] })).toThrow(denied)
    expect(() => authorizeGrant(caller(['developer']), { ...nothing, roles: ['write_agent'] })).toThrow(denied)
  })

  test('a custom role that permits more than the caller may do cannot be granted', () => {
    const customRoles: CustomRoles = new Map([['ender', { 'api_keys.revoke': 'organization' }]])
    expect(() => authorizeGrant(caller(['read_only']), { ...nothing, roles: ['ender'] }, customRoles)).toThrow(denied)
  })

  test('root may grant everything', () => {
    authorizeGrant(caller(['root']), {
      scopes: ['anything', '*'],
      audiences: ['https://anywhere.example'],
      roles: ['root', 'admin'],
    })
  })

  test('not even root can grant a role that does not exist', () => {
    const invalid = expect.objectContaining({ code: 'invalid_request' })
    expect(() => authorizeGrant(caller(['root']), { ...nothing, roles: ['made_up'] })).toThrow(invalid)
    expect(() => authorizeGrant(caller(['root']), { ...nothing, roles: ['__proto__'] })).toThrow(invalid)
  })
})

describe('the organization of something new', () => {
  test('is the requested one if the caller reaches everywhere', () => {
    expect(organizationFor(caller(['root']), 'everywhere', 'org_other')).toBe('org_other')
  })

  test("is the caller's own if none is requested", () => {
    expect(organizationFor(caller(['root']), 'everywhere', undefined)).toBe('org_own')
    expect(organizationFor(caller(['admin']), { organizationId: 'org_own' }, undefined)).toBe('org_own')
  })

  test('looks missing if it is another one', () => {
    expect(() => organizationFor(caller(['admin']), { organizationId: 'org_own' }, 'org_other')).toThrow(
      expect.objectContaining({ code: 'not_found' }),
    )
  })

  test('is required if the caller has none', () => {
    const nobody = { ...caller(['root']), organizationId: null }
    expect(() => organizationFor(nobody, 'everywhere', undefined)).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    )
  })
})

test('every permission is held by some role', () => {
  const given = new Set(Object.values(permissionsOf).flatMap((table) => Object.keys(table)))
  expect(permissions.filter((permission: Permission) => !given.has(permission))).toEqual([])
})

describe('a refusal names what is missing, and the log says what was tried', () => {
  const refusal = (attempt: () => unknown): ServiceError => {
    try {
      attempt()
    } catch (error) {
      if (error instanceof ServiceError) return error
    }
    throw new Error('nothing was refused')
  }
  const nothing = { scopes: [], audiences: [], roles: [] }

  test.each(['scopes', 'audiences', 'roles'] as const)('for a grant: its %s', (member) => {
    const { detail, reason } = refusal(() => authorizeGrant(caller(['admin']), { ...nothing, [member]: ['root'] }))
    expect(detail).toBe(`The caller may grant only ${member} that it holds itself.`)
    expect(reason).toBe(`grants ${member} it does not hold`)
  })

  test('for a permission: which one, in the log only', () => {
    const error = refusal(() => authorize(caller(['read_only']), 'api_keys.revoke'))
    expect(error.reason).toBe('api_keys.revoke')
    expect(error.detail).not.toContain('api_keys')
  })

  test('for an undefined role, and for a missing organization', () => {
    expect(refusal(() => authorizeGrant(caller(['root']), { ...nothing, roles: ['made_up'] })).detail).toMatch(
      /roles holds an unknown role/,
    )
    expect(
      refusal(() => organizationFor({ ...caller(['root']), organizationId: null }, 'everywhere', undefined)).detail,
    ).toMatch(/organizationId is missing/)
  })
})

describe('how far a caller reaches', () => {
  test("something new goes into the caller's own organization, named or not, and into no other", () => {
    const within = { organizationId: 'org_own' }
    expect(organizationFor(caller(['admin']), within, 'org_own')).toBe('org_own')
    expect(organizationFor(caller(['admin']), within, undefined)).toBe('org_own')
    expect(() => organizationFor(caller(['admin']), within, 'org_other')).toThrow('not_found')
    expect(organizationFor(caller(['root']), 'everywhere', 'org_other')).toBe('org_other')
  })

  test('a caller with reach own is still in its whole organization', () => {
    const owner = { clientId: 'key_1', serviceAccountId: null }
    expect(wholeOrganization({ organizationId: 'org_own', owner })).toEqual({ organizationId: 'org_own' })
    expect(wholeOrganization('everywhere')).toBe('everywhere')
  })

  test('own is narrower than the organization, and that is narrower than everywhere', () => {
    const reaches = [undefined, 'own', 'organization', 'all'] as const
    for (const [held, wide] of reaches.entries()) {
      for (const [asked, far] of reaches.entries()) {
        const holds = coversPermissions(wide ? { 'api_keys.read': wide } : {}, far ? { 'api_keys.read': far } : {})
        expect(holds, `${wide} over ${far}`).toBe(held >= asked)
      }
    }
  })

  test('a provisioning program reads and changes all keys, and sees only the secrets that it created', () => {
    expect(authorize(caller(['write_agent']), 'api_keys.update')).toEqual({ organizationId: 'org_own' })
    expect(authorize(caller(['write_agent']), 'api_keys.rotate')).toMatchObject({ owner: { clientId: 'key_caller' } })
    expect(() => authorize(caller(['write_agent']), 'audit_events.read')).toThrow('permission_denied')
  })
  test('a pipeline manages the keys of its own account, and creates none', () => {
    const owner = { clientId: 'key_caller', serviceAccountId: 'svc_1' }
    const pipeline = caller(['ci_service'], { serviceAccountId: 'svc_1' })
    expect(authorize(pipeline, 'api_keys.rotate')).toEqual({ organizationId: 'org_own', owner })
    expect(() => authorize(pipeline, 'api_keys.create')).toThrow('permission_denied')
  })
})
