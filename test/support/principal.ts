import type { Principal } from '../../src/access/principal.ts'

/** A caller of the operations, without any HTTP; holds no scopes or audiences unless told so, and `key_caller`, its id, need not exist. */
export function principal(
  organizationId: string,
  roles: readonly string[],
  held: {
    clientId?: string
    apiKeyVersion?: number
    serviceAccountId?: string
    scopes?: string[]
    audiences?: string[]
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
