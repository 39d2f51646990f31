import { describe, expect, test } from 'vitest'
import { checkPermissions, checkRoleName, readPermissions } from '../../src/access/custom-role.ts'
import { permissions, reachesOf } from '../../src/access/permissions.ts'

describe('the stored permissions of a custom role', () => {
  test('permit what they say, with the widest reach if one is repeated', () => {
    expect(readPermissions(['api_keys.read:organization', 'api_keys.read:own', 'roles.read:organization'])).toEqual({
      'api_keys.read': 'organization',
      'roles.read': 'organization',
    })
  })

  test.each(permissions)('never reach beyond the organization by %s, whatever is stored', (permission) => {
    expect(readPermissions([`${permission}:all`])).toEqual({})
  })

  test.each(permissions.filter((permission) => reachesOf[permission][0] === 'all'))(
    'never permit %s, which is for the service only',
    (permission) => {
      expect(readPermissions([`${permission}:own`, `${permission}:organization`])).toEqual({})
    },
  )

  test.each([
    '',
    ':',
    'api_keys.read',
    'api_keys.read:',
    ':own',
    'api_keys.read:own:own',
    'API_KEYS.read:own',
    '__proto__:own',
    'later.thing:own',
    '*:own',
  ])('that this version does not know permit nothing: %j', (text) => {
    expect(readPermissions([text])).toEqual({})
  })
})

describe('the permissions of a new role', () => {
  test('are stored once each, in alphabetical order', () => {
    expect(checkPermissions(['roles.read:organization', 'api_keys.read:own', 'api_keys.read:organization'])).toEqual([
      'api_keys.read:organization',
      'roles.read:organization',
    ])
  })

  test.each([[[]], [['api_keys.read']], [['api_keys.read:all']], [['api_keys.read:own', 'made.up:own']]])(
    'cannot be %j',
    (texts) => {
      expect(() => checkPermissions(texts)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
    },
  )
})

test.each(['abc', 'key_reader', 'a12', 'a'.repeat(50)])('%j is a valid role name', (name) => {
  expect(checkRoleName(name)).toBe(name)
})

test.each(['', 'ab', 'a'.repeat(51), 'Abc', '1ab', '_ab', 'a-b', 'a b', 'abc\n', 'root', 'admin', 'toString'])(
  '%j is not a valid name for a custom role',
  (name) => {
    expect(() => checkRoleName(name)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  },
)
