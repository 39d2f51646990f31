import type { Principal, Role } from '../../src/access/principal.ts'

/** A caller of the operations, without any HTTP; `key_caller` unless told, which need not exist. */
export function principal(organizationId: string, roles: readonly Role[], held: { clientId?: string; scopes?: string[] } = {}): Principal {
  return {
    clientId: held.clientId ?? 'key_caller',
    organizationId,
    roles: new Set(roles),
    scopes: new Set(held.scopes),
    audiences: new Set(),
    origin: { requestId: 'req_1', address: '192.0.2.7', agent: 'test' },
  }
}
