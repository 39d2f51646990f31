import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'

/** Every stored time comes from the service's `now()`, in milliseconds like JavaScript's. */
const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' })

/**
 * Rows that changes lock, so that they wait for each other (docs/postgresql.md). The migration wrote them: nothing
 * changes or deletes them.
 */
export const changeLocks = pgTable('change_locks', {
  name: text('name', { enum: ['rights', 'ring', 'audit_head'] }).primaryKey(),
})

/** One row with the state of the whole service. */
export const serviceState = pgTable(
  'service_state',
  {
    id: integer('id').primaryKey().default(1),
    /** Increases with each change of the key ring. The key lookup of `/token` reads it too. */
    ringGeneration: bigint('ring_generation', { mode: 'number' }).notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [check('service_state_one_row', sql`${table.id} = 1`)],
)

export const organizations = pgTable('organizations', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  /** For people and URLs. Null only for organizations that are older than slugs. */
  slug: text('slug').unique(),
  email: text('email').unique(),
  /** A built-in plan (plans/limits.ts) or one of `plans`. */
  plan: text('plan').notNull(),
  /** Every new or changed key must expire within this many seconds; null = keys need not expire. */
  maxKeyLifetimeSeconds: integer('max_key_lifetime_seconds'),
  suspendedAt: instant('suspended_at'),
  /** Client id of the caller who suspended it; null = not suspended, or suspended before this was recorded. */
  suspendedBy: text('suspended_by'),
  /** The rule that revokes its tokens while it is suspended; null = not suspended, or from before this was recorded. */
  suspendedRuleId: text('suspended_rule_id'),
  createdAt: instant('created_at').notNull(),
  /** Increases with each change: the ETag for If-Match. */
  revision: integer('revision').notNull().default(1),
})

/** Custom plans of the operator. The built-in ones are in plans/limits.ts. */
export const plans = pgTable('plans', {
  name: text('name').primaryKey(),
  requestsPerMinute: integer('requests_per_minute').notNull(),
  requestsPerMonth: bigint('requests_per_month', { mode: 'number' }).notNull(),
  apiKeys: integer('api_keys').notNull(),
  /** How long an old version keeps working after a rotation: the default, and the most that a rotation may ask for. */
  defaultOverlapSeconds: integer('default_overlap_seconds').notNull(),
  maxOverlapSeconds: integer('max_overlap_seconds').notNull(),
  createdAt: instant('created_at').notNull(),
  revision: integer('revision').notNull().default(1),
})

/** A member of an organization that owns API keys. */
export const serviceAccounts = pgTable(
  'service_accounts',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    name: text('name').notNull(),
    description: text('description').notNull(),
    /** Its keys may hold only these roles. */
    roles: text('roles').array().notNull(),
    createdAt: instant('created_at').notNull(),
    createdBy: text('created_by').notNull(),
    disabledAt: instant('disabled_at'),
    /** Client id of the caller who disabled it; null = not disabled, or disabled before this was recorded. */
    disabledBy: text('disabled_by'),
    /** How far the caller who disabled it may disable; null = disabled before this was recorded. */
    disabledReach: text('disabled_reach', { enum: ['own', 'organization', 'all'] }),
    /** The rules that revoke the tokens of its keys while it is disabled. Null as for `disabledReach`. */
    disabledRuleIds: text('disabled_rule_ids').array(),
    revision: integer('revision').notNull().default(1),
  },
  (table) => [unique('service_accounts_name').on(table.organizationId, table.name)],
)

/** Custom roles of an organization. Each permission is `permission:reach`. */
export const customRoles = pgTable(
  'custom_roles',
  {
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    name: text('name').notNull(),
    permissions: text('permissions').array().notNull(),
    createdAt: instant('created_at').notNull(),
    revision: integer('revision').notNull().default(1),
  },
  (table) => [primaryKey({ columns: [table.organizationId, table.name] })],
)

export const apiKeys = pgTable(
  'api_keys',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    name: text('name').notNull(),
    description: text('description').notNull().default(''),
    serviceAccountId: text('service_account_id').references(() => serviceAccounts.id),
    labels: text('labels').array().notNull().default([]),
    environment: text('environment', { enum: ['live', 'test'] }).notNull(),
    /** RFC 6749 §3.3 scope tokens that the key holds. */
    scopes: text('scopes').array().notNull(),
    /** Audiences that the key may request in addition to the default one. */
    audiences: text('audiences').array().notNull(),
    /** Roles in the admin API. Empty for a key that only gets tokens. */
    roles: text('roles').array().notNull(),
    /** `sub` of its tokens; null = the key's id. */
    subject: text('subject'),
    /** JWS algorithm that its tokens are signed with; null = the service's default. */
    tokenAlgorithm: text('token_algorithm'),
    /** Claims that its tokens carry in addition to those of the service; at most 4 KB. */
    customClaims: jsonb('custom_claims').$type<Record<string, unknown>>(),
    /** CIDR ranges; an empty list of allowed ones allows every address. */
    allowedCidrs: text('allowed_cidrs').array().notNull().default([]),
    deniedCidrs: text('denied_cidrs').array().notNull().default([]),
    /** The widest reach of the callers who set the address ranges; null = no ranges, or set before this was recorded. */
    addressReach: text('address_reach', { enum: ['own', 'organization', 'all'] }),
    /** Replaces the plan's limit. Stored and shown, but not enforced. */
    requestsPerMinute: integer('requests_per_minute'),
    /** How often the key should be rotated. When it is due, an audit event says so. */
    rotateEverySeconds: integer('rotate_every_seconds'),
    rotationWarnedAt: instant('rotation_warned_at'),
    createdAt: instant('created_at').notNull(),
    /** Client id of the creator, or `system`. */
    createdBy: text('created_by').notNull(),
    expiresAt: instant('expires_at'),
    /** Somebody expired it at once, so no clock is compared with `expiresAt`. */
    ended: boolean('ended').notNull().default(false),
    /** The widest reach of the callers who set the expiry; null = never expires, or set before this was recorded. */
    expiryReach: text('expiry_reach', { enum: ['own', 'organization', 'all'] }),
    disabledAt: instant('disabled_at'),
    /** Client id of the caller who disabled or revoked it; null for a key from before this was recorded. */
    disabledBy: text('disabled_by'),
    /** How far the caller who disabled it may disable; null = disabled before this was recorded. */
    disabledReach: text('disabled_reach', { enum: ['own', 'organization', 'all'] }),
    /** The rule that revokes its tokens while it is disabled. Null as for `disabledReach`. */
    disabledRuleId: text('disabled_rule_id'),
    revokedAt: instant('revoked_at'),
    /** The revocation is planned: in force from `revokedAt` on. Any other is in force because it is here. */
    revocationPlanned: boolean('revocation_planned').notNull().default(false),
    revocationReason: text('revocation_reason'),
    revokedBy: text('revoked_by'),
    /** Free text of the caller who revoked the key. */
    revocationText: text('revocation_text'),
    /** Increases with each change: the ETag for If-Match. */
    revision: integer('revision').notNull().default(1),
  },
  (table) => [
    index('api_keys_organization').on(table.organizationId, table.id),
    index('api_keys_service_account').on(table.serviceAccountId),
    /** Few keys hold roles, so this small index finds root keys and administrators. */
    index('api_keys_with_roles').on(table.organizationId).where(sql`cardinality(${table.roles}) > 0`),
  ],
)

export const apiKeyVersions = pgTable(
  'api_key_versions',
  {
    apiKeyId: text('api_key_id')
      .notNull()
      .references(() => apiKeys.id),
    version: integer('version').notNull(),
    /** Hash of the whole secret, base64url. */
    hash: text('hash').notNull(),
    hashAlgorithm: text('hash_algorithm', { enum: ['sha256', 'blake3'] })
      .notNull()
      .default('sha256'),
    /** A secret that was not imported starts with `<prefix>_<environment>_`. */
    prefix: text('prefix').notNull().default('mk'),
    imported: boolean('imported').notNull().default(false),
    /** Last four characters of the secret's random part, for people. */
    hint: text('hint').notNull(),
    createdAt: instant('created_at').notNull(),
    /** End of this version's overlap; null = as long as the key. */
    expiresAt: instant('expires_at'),
    /** Somebody ended it at once, so no clock is compared with `expiresAt`. */
    ended: boolean('ended').notNull().default(false),
    /** The end that it had before a rotation gave it an overlap. It gets it back if the rotation is cancelled. */
    expiresAtBeforeRotation: instant('expires_at_before_rotation'),
    /** The rule that revokes its tokens when the overlap of the latest rotation ends. */
    rotationRuleId: text('rotation_rule_id'),
    /** How far the caller of that rotation may rotate keys; null = not replaced, or replaced before this was recorded. */
    replacedReach: text('replaced_reach', { enum: ['own', 'organization', 'all'] }),
    /** When the rotation that created this version was cancelled: it has ended, and is never the newest again. */
    cancelledAt: instant('cancelled_at'),
  },
  (table) => [
    primaryKey({ columns: [table.apiKeyId, table.version] }),
    unique('api_key_versions_hash').on(table.hash),
    index('api_key_versions_imported').on(table.hashAlgorithm).where(sql`${table.imported}`),
  ],
)

/** Secrets of API keys that were deleted by hand. For a while, no import brings one of them back. */
export const deletedSecrets = pgTable(
  'deleted_secrets',
  {
    /** As in `api_key_versions`. */
    hash: text('hash').primaryKey(),
    apiKeyId: text('api_key_id').notNull(),
    deletedAt: instant('deleted_at').notNull(),
  },
  (table) => [index('deleted_secrets_deleted_at').on(table.deletedAt)],
)

/** Answers to requests with an Idempotency-Key, without secrets. A repeated request gets the same answer. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    clientId: text('client_id').notNull(),
    key: text('key').notNull(),
    /** SHA-256 of method, path, query and body. The same key with a different request is refused. */
    requestDigest: text('request_digest').notNull(),
    status: integer('status').notNull(),
    body: jsonb('body').$type<Record<string, unknown>>().notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.clientId, table.key] }),
    index('idempotency_keys_created').on(table.createdAt),
  ],
)

export const signingKeys = pgTable('signing_keys', {
  /** RFC 7638 SHA-256 thumbprint of the public key. */
  kid: text('kid').primaryKey(),
  algorithm: text('algorithm').notNull(),
  purpose: text('purpose', { enum: ['token', 'record'] }).notNull(),
  publicJwk: jsonb('public_jwk').$type<Record<string, string>>().notNull(),
  /** Envelope (crypto/envelope.ts) of the private JWK, bound to this row. */
  sealedPrivateKey: text('sealed_private_key').notNull(),
  origin: text('origin', { enum: ['generated', 'imported'] })
    .notNull()
    .default('generated'),
  createdAt: instant('created_at').notNull(),
  /** Client id of the caller who created or imported it, or `system`. */
  createdBy: text('created_by').notNull().default('system'),
  publishedAt: instant('published_at').notNull(),
  revokedAt: instant('revoked_at'),
  revokedBy: text('revoked_by'),
  revocationReason: text('revocation_reason'),
})

/** Append-only. The active key is the one with the highest sequence whose `activates_at` has passed. */
export const signingKeyActivations = pgTable(
  'signing_key_activations',
  {
    algorithm: text('algorithm').notNull(),
    purpose: text('purpose', { enum: ['token', 'record'] }).notNull(),
    sequence: integer('sequence').notNull(),
    kid: text('kid')
      .notNull()
      .references(() => signingKeys.kid),
    activatesAt: instant('activates_at').notNull(),
    createdAt: instant('created_at').notNull(),
    actor: text('actor').notNull(),
    reason: text('reason').notNull(),
  },
  (table) => [primaryKey({ columns: [table.algorithm, table.purpose, table.sequence] })],
)

/**
 * Which instance may run a kind of maintenance now. The fence increases with each holder, so a replaced one cannot
 * continue.
 */
export const leases = pgTable('leases', {
  name: text('name').primaryKey(),
  holder: text('holder').notNull(),
  fence: bigint('fence', { mode: 'number' }).notNull(),
  expiresAt: instant('expires_at').notNull(),
})

/** How each version of an API key was used. Collected in memory and written in batches, so seconds late. */
export const apiKeyUsage = pgTable(
  'api_key_usage',
  {
    apiKeyId: text('api_key_id').notNull(),
    version: integer('version').notNull(),
    exchanges: bigint('exchanges', { mode: 'number' }).notNull(),
    /** Every successful authentication, those for exchanges included. */
    authentications: bigint('authentications', { mode: 'number' }).notNull().default(0),
    lastUsedAt: instant('last_used_at').notNull(),
    /** The latest `exp` of its tokens: until then, one of them may be valid. Without exchanges: the last use. */
    lastExpiresAt: instant('last_expires_at').notNull(),
    /** The most recent few, newest first. */
    addresses: text('addresses').array().notNull(),
    agents: text('agents').array().notNull(),
  },
  (table) => [primaryKey({ columns: [table.apiKeyId, table.version] })],
)

/** Attempts to use a version of an API key that was refused: revoked, expired, disabled, … Seconds late. */
export const apiKeyAttempts = pgTable(
  'api_key_attempts',
  {
    apiKeyId: text('api_key_id').notNull(),
    version: integer('version').notNull(),
    attempts: bigint('attempts', { mode: 'number' }).notNull(),
    lastAttemptAt: instant('last_attempt_at').notNull(),
    /** Why the last one was refused. */
    lastReason: text('last_reason').notNull(),
    /** The most recent few, newest first. */
    addresses: text('addresses').array().notNull(),
    agents: text('agents').array().notNull(),
  },
  (table) => [primaryKey({ columns: [table.apiKeyId, table.version] })],
)

/** How each signing key was used; seconds late. */
export const signingKeyUsage = pgTable('signing_key_usage', {
  kid: text('kid').primaryKey(),
  tokens: bigint('tokens', { mode: 'number' }).notNull(),
  lastSignedAt: instant('last_signed_at').notNull(),
  lastExpiresAt: instant('last_expires_at').notNull(),
})

/** Who fetched the JWK Set, and which keys it contained. Only verifiers with a client id count for readiness. */
export const verifiers = pgTable(
  'verifiers',
  {
    /** Client id of the API key that it used; empty = anonymous. */
    clientId: text('client_id').notNull(),
    name: text('name').notNull(),
    kids: text('kids').array().notNull(),
    lastFetchedAt: instant('last_fetched_at').notNull(),
    address: text('address'),
    agent: text('agent'),
  },
  (table) => [
    primaryKey({ columns: [table.clientId, table.name] }),
    index('verifiers_last_fetched').on(table.lastFetchedAt),
  ],
)

/**
 * One row about the list of revocation rules. Every statement that writes rules locks it until its transaction ends
 * (docs/adr/0015-numbers-of-rules.md), so that the order of numbers is the order of commits. Writing a rule does not
 * change it: a row that changes often is slow to read while any transaction stays open.
 */
export const revocationState = pgTable(
  'revocation_state',
  {
    id: integer('id').primaryKey().default(1),
    /** Milliseconds since 1970 at the first start or the last restore; only increases. */
    generation: bigint('generation', { mode: 'number' }).notNull(),
    /** The highest number of a deleted rule. A reader that has read less loads the whole list. */
    prunedUpTo: bigint('pruned_up_to', { mode: 'number' }).notNull().default(0),
    /** Not used yet: a time that no instance passes without moving it ahead. */
    timeReserved: instant('time_reserved'),
    /** The largest token lifetime ever configured. A revocation rule must be kept this long. */
    largestTokenTtlSeconds: integer('largest_token_ttl_seconds').notNull(),
  },
  (table) => [check('revocation_state_one_row', sql`${table.id} = 1`)],
)

/** Which tokens are revoked (docs/revocation.md). Applications read it through the view `mintage_revocations_v2`. */
export const revocations = pgTable(
  'revocations',
  {
    id: text('id').primaryKey(),
    kind: text('kind', { enum: ['token', 'api_key', 'subject', 'organization', 'signing_key', 'all'] }).notNull(),
    /** jti · client_id · `org_id sub` (one space) · org_id · kid · `*`. */
    value: text('value').notNull(),
    /** Only for `api_key`: the rule covers tokens with `key_version` up to this one. */
    maxVersion: integer('max_version'),
    /** Only for `api_key`: the rule covers tokens with `key_version` from this one on. Older readers ignore it. */
    minVersion: integer('min_version'),
    /** Null = the rule covers tokens whenever they were issued. */
    issuedBefore: instant('issued_before'),
    /** Null = in force because it is here; a time = planned: in force from then on. */
    effectiveAt: instant('effective_at'),
    /** After this, every token that the rule covers has expired; null = the rule never expires. */
    expiresAt: instant('expires_at'),
    /** A lifted rule stays until maintenance deletes it, so that polling readers see it. */
    liftedAt: instant('lifted_at'),
    organizationId: text('organization_id'),
    reason: text('reason').notNull(),
    /** Free text of the caller. */
    reasonText: text('reason_text'),
    actor: text('actor').notNull(),
    createdAt: instant('created_at').notNull(),
    /** The largest token lifetime that `expiresAt` was extended to; null = the one in force when it was written. */
    extendedToSeconds: integer('extended_to_seconds'),
    /** The number of the last change of the row. A trigger sets it; without the trigger no row is written. */
    sequence: bigint('sequence', { mode: 'number' }).notNull().default(sql`null`),
    /** Not used yet: a random value written with each number, which tells two copies of a database apart. */
    branch: uuid('branch').notNull().defaultRandom(),
  },
  (table) => [
    index('revocations_name').on(table.kind, table.value),
    uniqueIndex('revocations_sequence').on(table.sequence),
  ],
)

export const auditEvents = pgTable(
  'audit_events',
  {
    /** Position in the chain, from 1 without gaps. Assigned while the row `audit_head` of `change_locks` is locked. */
    sequence: bigint('sequence', { mode: 'number' }).primaryKey(),
    id: text('id').notNull().unique(),
    occurredAt: instant('occurred_at').notNull(),
    type: text('type').notNull(),
    result: text('result', { enum: ['success', 'refused'] }).notNull(),
    /** Client id of the caller, or `system`. */
    actor: text('actor').notNull(),
    /** The organization that the event is about; null = the service itself. */
    organizationId: text('organization_id'),
    /** Id of the object that the action was about. */
    subject: text('subject'),
    reason: text('reason'),
    address: text('address'),
    agent: text('agent'),
    requestId: text('request_id'),
    sessionId: text('session_id'),
    /** Time from the request's arrival to this event. */
    durationMilliseconds: integer('duration_milliseconds'),
    context: jsonb('context').$type<Record<string, unknown>>().notNull(),
  },
  (table) => [
    index('audit_events_organization').on(table.organizationId, table.sequence),
    index('audit_events_actor').on(table.actor, table.sequence),
    index('audit_events_subject').on(table.subject, table.sequence),
    index('audit_events_occurred_at').on(table.occurredAt),
  ],
)

/** The hash chain. A separate table, so that an event is hashed exactly as the database returns it. */
export const auditChain = pgTable('audit_chain', {
  sequence: bigint('sequence', { mode: 'number' })
    .primaryKey()
    .references(() => auditEvents.sequence),
  /** Hash of the previous event. Unique, so the chain cannot fork. */
  previousHash: text('previous_hash').notNull().unique(),
  hash: text('hash').notNull().unique(),
})

/** Signed statements about the chain. They reveal a later change to an earlier event. */
export const auditCheckpoints = pgTable('audit_checkpoints', {
  sequence: bigint('sequence', { mode: 'number' }).primaryKey(),
  /** Compact JWS. */
  signed: text('signed').notNull(),
  createdAt: instant('created_at').notNull(),
})
