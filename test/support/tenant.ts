import { appendAuditEvent } from '../../src/audit/append-queries.ts'
import { newId } from '../../src/crypto/random.ts'
import { insertServiceAccount } from '../../src/service-accounts/queries.ts'
import { adminClient } from './admin-client.ts'
import { smallestLimits } from './plan-limits.ts'
import { principal } from './principal.ts'
import type { TestService } from './test-service.ts'

/** An organization in which a test creates objects. Their creator is `creator`. */
export type Tenant = {
  readonly organizationId: string
  /** Subject of an audit event of the creator. */
  readonly event: string
  apiKey(): Promise<TenantKey>
  /** Rotated by itself: with a previous version that still works. */
  rotatedApiKey(): Promise<TenantKey>
  serviceAccount(): Promise<string>
  /** Name of a role without members. */
  role(): Promise<string>
  /** Id of a revocation rule about the organization. */
  rule(): Promise<string>
  /** Plans and signing keys belong to the service, not to the organization. */
  plan(): Promise<string>
  signingKey(state: 'active' | 'pending'): Promise<string>
  /** Activates another key, so that there is a previous one. */
  rotateSigningKey(): Promise<void>
}

type TenantKey = { id: string; hint: string; hash: string }

export async function createTenant(
  service: TestService,
  organizationId: string,
  creator = 'key_elsewhere',
): Promise<Tenant> {
  const { services } = service
  const root = adminClient(service, service.rootKey)
  const event = newId('key')
  const actor = principal(organizationId, [], { clientId: creator })
  const appended = {
    type: 'api_key.version_ended',
    actor,
    organizationId,
    subject: event,
    context: { version: 1 },
  } as const
  await services.db.transaction(async (tx) => await appendAuditEvent(tx, appended, services.now()))

  async function created(path: string, body: object, member: string): Promise<string> {
    const answer = await root('POST', path, body)
    if (answer.status >= 300) throw new Error(`${path} answered ${answer.status} ${answer.text}`)
    return String(answer.body[member])
  }
  async function apiKey(rotated = false): Promise<TenantKey> {
    const { id, secret } = await service.createKey({ organizationId, createdBy: creator, rotated })
    return { id, hint: secret.slice(-10, -6), hash: await services.platform.sha256(secret) }
  }
  const someName = () => `n${newId('key').slice(-20)}`

  return {
    organizationId,
    event,
    apiKey: () => apiKey(),
    rotatedApiKey: () => apiKey(true),
    async serviceAccount() {
      const id = newId('svc')
      const account = {
        id,
        organizationId,
        name: id,
        description: '',
        roles: [],
        createdAt: services.now(),
        createdBy: creator,
      }
      await insertServiceAccount(services.db, account)
      return id
    },
    role: () => created('/v1/roles', { name: someName(), permissions: ['api_keys.read:own'], organizationId }, 'name'),
    rule: () => created('/v1/revocations', { kind: 'subject', value: `${organizationId} somebody` }, 'id'),
    plan: () => created('/v1/plans', { name: someName(), ...smallestLimits }, 'name'),
    async signingKey(state) {
      const { items } = (await root('GET', '/v1/signing-keys')).body as {
        items: { kid: string; state: string; purpose: string }[]
      }
      const found = items.find((key) => key.state === state && key.purpose === 'token')
      if (!found) throw new Error(`found no ${state} key`)
      return found.kid
    },
    async rotateSigningKey() {
      await created('/v1/signing-keys/rotate', { force: true }, 'kid')
      service.clock.advance(1)
    },
  }
}
