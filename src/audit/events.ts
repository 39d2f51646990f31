import type { Principal } from '../access/principal.ts'

/**
 * Every event of the audit trail, with its context beside the common fields. Names are `thing.verb` in the past tense,
 * with the operation's verb. Never a secret, a token or a hash of one.
 */
export type AuditContexts = {
  'service.bootstrapped': { rootApiKeyId: string }
  'service.restored': { generation: number }
  /** By an operator with the database's owner. `declared`: its secret came from MINTAGE_ROOT_API_KEY. */
  'root_key.created': { declared: boolean; expiresAt: string | null }
  /** MINTAGE_ISSUER differs from the issuer of the last checkpoint. Every export has these events in full. */
  'service.issuer_changed': { from: string; to: string }
  'organization.created': { name: string; plan: string }
  /** `changed`: names of members, without their values. */
  'organization.updated': { changed: readonly string[] }
  'organization.plan_changed': { from: string; to: string }
  'organization.policy_changed': { fromSeconds: number | null; toSeconds: number | null }
  /** `text`: the caller's own words. */
  'organization.suspended': { revocationId: string; text: string | null }
  'organization.resumed': { closedRules: number }
  /** `apiKeyIds`: the first hundred of the keys that were deleted with it. Earlier ones are in `api_keys.deleted`. */
  'organization.deleted': DeletedKeys & { name: string; slug: string | null; serviceAccounts: number; roles: number }
  'plan.created': PlanLimits
  'plan.updated': PlanLimits
  'plan.deleted': Record<never, never>
  'service_account.created': { name: string; roles: readonly string[] }
  'service_account.updated': { changed: readonly string[] }
  /** `apiKeys`: how many of its keys got a rule on the revocation list. */
  'service_account.disabled': { apiKeys: number; text: string | null }
  'service_account.enabled': { apiKeys: number }
  /** Its keys that were revoked now, the first hundred in `apiKeyIds`, and how many keys it had altogether. */
  'service_account.deleted': DeletedKeys & { name: string; unlinked: number }
  'role.created': { permissions: readonly string[] }
  'role.updated': { permissions: readonly string[]; former: readonly string[] }
  'role.deleted': { permissions: readonly string[] }
  /** An API key or a service account got other roles. */
  'member.roles_assigned': { roles: readonly string[]; former: readonly string[] }
  /** The key's settings, as the admin API shows them. */
  'api_key.created': Readonly<Record<string, unknown>>
  /** Member → its previous and its new value. `tokensUsableFrom`: earlier tokens were ended. */
  'api_key.updated': { changes: ApiKeyChanges; tokensUsableFrom?: string }
  /** `revocationId`: null for a key that was disabled already, now by a caller with a wider reach. */
  'api_key.disabled': { revocationId: string | null }
  'api_key.enabled': { disabledAt: string; tokensUsableFrom: string }
  'api_key.expired': { revocationId: string }
  /** `former` works until `formerEndsAt`; `changes` as in `api_key.updated`. */
  'api_key.rotated': { version: number; former: number; formerEndsAt: string; changes: ApiKeyChanges }
  /** `version` ended for good, and `newest` is the newest again; null = it ends with the key. */
  'api_key.rotation_cancelled': { version: number; newest: number; newestEndsAt: string | null }
  /** This version and all earlier ones. */
  'api_key.version_ended': { version: number }
  'api_key.rotation_due': { version: number; dueAt: string }
  'api_key.purged': { name: string; endedAt: string }
  /** By hand; `api_key.purged` is the end of a key that was dead for long. */
  'api_key.deleted': { name: string }
  /** `subject` is the organization, which is being deleted. */
  'api_keys.deleted': DeletedKeys
  /** `subject` is the organization; `apiKeyIds`: the first hundred created keys. */
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
  'revocation.created': { kind: string; value: string; effectiveAt: string | null; text: string | null }
  'revocation.lifted': { kind: string; value: string }
  'signing_key.created': { purpose: string; algorithm: string; activatesAt: string }
  /** A published key got a planned activation: it had none, or its plan was overtaken. */
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
  /** Keys whose KEK is lost, and the keys that replace them. */
  'kek.abandoned': { revoked: readonly string[]; activated: readonly string[] }
  'audit_checkpoint.created': { kid: string }
  /** `shown`: the filters, and the limits of what the caller may see. */
  'audit_events.exported': { format: string; shown: Readonly<Record<string, string | null>> }
  /**
   * An authenticated caller requested something that it may not do or see. `operation` = method and route, `code` =
   * that of the error. Repeats within a minute are one event: `subject` is null if they had several.
   */
  'operation.refused': { operation: string; code: string } & Partial<Repeats>
}

/** How often the request was refused again since the last event about it; `subjects` and `addresses`: the first few. */
export type Repeats = {
  repeats: number
  firstAt: string
  lastAt: string
  subjects: readonly string[]
  addresses: readonly string[]
}

type ApiKeyChanges = Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>

type DeletedKeys = { apiKeys: number; apiKeyIds: readonly string[] }

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
  /** Kids that the same change revoked. */
  revoked: readonly string[]
}

export type AuditEventType = keyof AuditContexts

/** A record, because the compiler then says which type is missing. */
const everyType: Readonly<Record<AuditEventType, true>> = {
  'service.bootstrapped': true,
  'service.restored': true,
  'service.issuer_changed': true,
  'root_key.created': true,
  'organization.created': true,
  'organization.updated': true,
  'organization.plan_changed': true,
  'organization.policy_changed': true,
  'organization.suspended': true,
  'organization.resumed': true,
  'organization.deleted': true,
  'plan.created': true,
  'plan.updated': true,
  'plan.deleted': true,
  'service_account.created': true,
  'service_account.updated': true,
  'service_account.disabled': true,
  'service_account.enabled': true,
  'service_account.deleted': true,
  'role.created': true,
  'role.updated': true,
  'role.deleted': true,
  'member.roles_assigned': true,
  'api_key.created': true,
  'api_key.updated': true,
  'api_key.disabled': true,
  'api_key.enabled': true,
  'api_key.expired': true,
  'api_key.rotated': true,
  'api_key.rotation_cancelled': true,
  'api_key.version_ended': true,
  'api_key.rotation_due': true,
  'api_key.purged': true,
  'api_key.deleted': true,
  'api_keys.deleted': true,
  'api_keys.imported': true,
  'api_key.revoked': true,
  'api_keys.revoked': true,
  'token.revoked': true,
  'revocation.created': true,
  'revocation.lifted': true,
  'signing_key.created': true,
  'signing_key.planned': true,
  'signing_key.rotated': true,
  'signing_key.activated': true,
  'signing_key.rolled_back': true,
  'signing_key.replaced': true,
  'signing_key.imported': true,
  'signing_key.added': true,
  'kek.rewrapped': true,
  'kek.abandoned': true,
  'audit_checkpoint.created': true,
  'audit_events.exported': true,
  'operation.refused': true,
}

/** For filters: a misspelled type would find nothing. */
export const auditEventTypes: readonly string[] = Object.keys(everyType)

type AuditEventOf<Type extends AuditEventType> = {
  readonly type: Type
  readonly actor: Principal
  /**
   * The organization that the event is about; null = the service itself. Refusals of a caller that sees only one
   * organization's events belong to that organization.
   */
  readonly organizationId: string | null
  /** Id of the resource that was acted on. */
  readonly subject: string | null
  readonly reason?: string
  readonly context: Readonly<AuditContexts[Type]>
}

export type AuditEvent = { [Type in AuditEventType]: AuditEventOf<Type> }[AuditEventType]

/** Every event reports something done, except the one type that reports a refused request. */
export function auditResult({ type }: Pick<AuditEvent, 'type'>): 'success' | 'refused' {
  return type === 'operation.refused' ? 'refused' : 'success'
}
