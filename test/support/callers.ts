import type { Principal } from '../../src/access/principal.ts'

/** A caller of the admin API, as if it had shown its key. Holds no scopes or audiences unless told so. */
export function caller(
  organizationId: string,
  roles: readonly string[],
  held: { clientId?: string; apiKeyVersion?: number; serviceAccountId?: string; scopes?: string[]; audiences?: string[] } = {},
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
