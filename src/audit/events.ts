import type { Principal } from '../access/principal.ts'

/**
 * Everything that the audit trail can hold, with what each kind says beside the common fields. `thing.verb` in the past tense,
 * the verb being the operation's. Never a secret, a token or a hash of one.
 */
export type AuditContexts = {
  'service.bootstrapped': { rootApiKeyId: string }
  'service.restored': { generation: number }
  'organization.created': { name: string; plan: string }
  /** `changed`: which members; not what they say. */
  'organization.updated': { changed: readonly string[] }
  'organization.plan_changed': { from: string; to: string }
  'organization.policy_changed': { fromSeconds: number | null; toSeconds: number | null }
  /** `text`: what the caller said in words of its own. */
  'organization.suspended': { revocationId: string; text: string | null }
  'organization.resumed': { closedRules: number }
  'plan.created': PlanLimits
  'plan.updated': PlanLimits
  'plan.deleted': Record<never, never>
  'service_account.created': { name: string; roles: readonly string[] }
  'service_account.updated': { changed: readonly string[] }
  /** `apiKeys`: how many of them got a rule on the revocation list. */
  'service_account.disabled': { apiKeys: number; text: string | null }
  'service_account.enabled': { apiKeys: number }
  /** `unlinked`: revoked keys that had belonged to it. */
  'service_account.deleted': { name: string; unlinked: number }
  'role.created': { permissions: readonly string[] }
  'role.updated': { permissions: readonly string[]; former: readonly string[] }
  'role.deleted': { permissions: readonly string[] }
  /** An API key or a service account got other roles. */
  'member.roles_assigned': { roles: readonly string[]; former: readonly string[] }
  /** The key's settings, as the admin API shows them. */
  'api_key.created': Readonly<Record<string, unknown>>
  /** Member → what it was and what it is. */
  'api_key.updated': { changes: ApiKeyChanges }
  'api_key.disabled': { revocationId: string }
  'api_key.enabled': { disabledAt: string; tokensUsableFrom: string }
  'api_key.expired': { revocationId: string }
  /** `former` works until `formerEndsAt`; `changes` as in `api_key.updated`. */
  'api_key.rotated': { version: number; former: number; formerEndsAt: string; changes: ApiKeyChanges }
  /** Every version up to this one. */
  'api_key.version_ended': { version: number }
  'api_key.rotation_due': { version: number; dueAt: string }
  'api_key.purged': { name: string; endedAt: string }
  /** `subject` is the organization; `apiKeyIds`: the first hundred of those created. */
  'api_keys.imported': { created: number; duplicates: number; invalid: number; apiKeyIds: readonly string[] }
  'api_key.revoked': { revocationId: string; effectiveAt: string; text: string | null }
  /** `subject` is the organization; `apiKeyIds`: the first hundred. */
  'api_keys.revoked': {
    apiKeys: number
    apiKeyIds: readonly string[]
    filter: Readonly<Record<string, string>>
    effectiveAt: string
    wholeOrganization: boolean
    text: string | null
  }
  'token.revoked': { revocationId: string; text: string | null }
  'revocation.created': { kind: string; value: string; effectiveAt: string; text: string | null }
  'revocation.lifted': { kind: string; value: string }
  'signing_key.created': { purpose: string; algorithm: string; activatesAt: string }
  /** A key that was published already got its turn: the plan that it had was overtaken, or it had none. */
  'signing_key.planned': { purpose: string; algorithm: string; activatesAt: string }
  'signing_key.rotated': SigningKeyTurn & { forced: boolean }
  'signing_key.activated': SigningKeyTurn & { forced: boolean }
  'signing_key.rolled_back': SigningKeyTurn
  /** `subject` is the leaked key, `kid` the one that signs afterwards. */
  'signing_key.replaced': { purpose: string; algorithm: string; kid: string | null; distrusted: readonly string[] }
  'signing_key.imported': { purpose: string; algorithm: string; activatesAt: string }
  'signing_key.added': { purpose: string; algorithm: string; activatesAt: string }
  /** `left`: kids of dead keys whose envelopes do not open. */
  'kek.rewrapped': { kek: string; envelopes: number; moved: number; left: readonly string[] }
  /** Keys whose KEK is lost, and those that sign in their place. */
  'kek.abandoned': { revoked: readonly string[]; activated: readonly string[] }
  'audit_checkpoint.created': { kid: string }
  /** `shown`: the filters, and the bounds of what the caller may see. */
  'audit_events.exported': { format: string; shown: Readonly<Record<string, string | null>> }
  /** An authenticated caller asked for what it may not do or cannot see. `operation` = method and route, `code` = the problem's. */
  'operation.refused': { operation: string; code: string }
}

type ApiKeyChanges = Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>

type PlanLimits = {
  requestsPerMinute: number
  requestsPerMonth: number
  apiKeys: number
  defaultOverlapSeconds: number
  maxOverlapSeconds: number
}

type SigningKeyTurn = {
  purpose: string
  algorithm: string
  sequence: number
  activatesAt: string
  /** The key that signed before. */
  former: string | null
  /** Kids that were revoked by the same move. */
  revoked: readonly string[]
}

export type AuditEventType = keyof AuditContexts

export type AuditEventOf<Type extends AuditEventType> = {
  readonly type: Type
  readonly actor: Principal
  /** The organization that the event is about; null = the service itself. */
  readonly organizationId: string | null
  /** Id of the thing that was acted on. */
  readonly subject: string | null
  readonly reason?: string
  readonly context: Readonly<AuditContexts[Type]>
}

export type AuditEvent = { [Type in AuditEventType]: AuditEventOf<Type> }[AuditEventType]

/** An event tells of something done, but for the one type that tells of something refused. */
export function auditResult({ type }: Pick<AuditEvent, 'type'>): 'success' | 'refused' {
  return type === 'operation.refused' ? 'refused' : 'success'
}
