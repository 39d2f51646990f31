import type { ExpectedRevision } from '../../src/access/precondition.ts'
import type { Principal } from '../../src/access/principal.ts'

/**
 * A caller of operations, without HTTP. By default it holds no scopes and no audiences. No key `key_caller` need exist.
 */
export function principal(
  organizationId: string,
  roles: readonly string[],
  held: {
    clientId?: string
    apiKeyVersion?: number
    serviceAccountId?: string
    scopes?: string[]
    audiences?: string[]
    expectedRevision?: ExpectedRevision
  } = {},
): Principal {
  const { scopes, audiences, ...who } = held
  return {
    clientId: 'key_caller',
    ...who,
    organizationId,
    roles: new Set(roles),
    scopes: new Set(scopes),
    audiences: new Set(audiences),
    origin: { requestId: 'req_1', address: '192.0.2.7', agent: 'test' },
  }
}
