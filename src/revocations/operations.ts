import { authorize, type Within } from '../access/authorize.ts'
import { type ChangeServices, change, type Lock, unchanged } from '../access/change.ts'
import { noLock } from '../access/locks.ts'
import type { Principal } from '../access/principal.ts'
import { findApiKey, type StoredApiKey } from '../api-keys/queries.ts'
import { cursorsOf, idPositions } from '../db/cursors.ts'
import type { Db } from '../db/database.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import { namedThingNotFound, ServiceError } from '../errors.ts'
import type { RevocationKind } from '../kit/revocation/revocation-list.ts'
import { findOrganization } from '../organizations/queries.ts'
import { addRevocationRule, liftRevocationRule } from '../revocation/rule-queries.ts'
import { findServiceAccount } from '../service-accounts/queries.ts'
import type { Services } from '../services.ts'
import { listSigningKeys } from '../signing-keys/read.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { coveredKeys } from './covered-keys.ts'
import { draftRule, type RuleDraft, type RuleInput } from './new-rule.ts'
import { findRevocation, type RevocationRow, selectRevocations } from './queries.ts'

/** A rule on the list as the admin API shows it. Times are RFC 3339 strings. */
export type RevocationView = {
  id: string
  kind: RevocationKind
  value: string
  minVersion: number | null
  maxVersion: number | null
  issuedBefore: string | null
  /** Null = in force since it was added; a time = planned. */
  effectiveAt: string | null
  expiresAt: string | null
  liftedAt: string | null
  organizationId: string | null
  reason: string
  text: string | null
  actor: string
  createdAt: string
}

/**
 * Adds a rule to the revocation list. Throws `not_found` for a name that does not exist or that the caller cannot see.
 * A jti does not belong to a known organization, and a signing key and `all` affect every organization, so only root
 * may use them. Repeating it adds an equal rule.
 */
export async function createRevocation(
  services: ChangeServices & Pick<Services, 'config' | 'db'>,
  actor: Principal,
  input: RuleInput,
): Promise<RevocationView> {
  return await addRule(services, actor, input, { dryRun: false })
}

/**
 * What adding the rule would break, as far as usage shows it: a rule about a signing key counts every API key, because
 * usage does not record which signing key signed. A rule about one token counts none. Writes nothing. Throws the same.
 */
export async function tryCreatingRevocation(
  services: ChangeServices & Pick<Services, 'config' | 'db'>,
  actor: Principal,
  input: RuleInput,
): Promise<Impact> {
  const { effectiveAt, createdAt } = await addRule(services, actor, input, { dryRun: true })
  const { keyIds, versions } = await coveredKeys(services.db, input)
  return await whatWouldBreak(services.db, keyIds, new Date(effectiveAt ?? createdAt), versions)
}

async function addRule(
  services: ChangeServices & Pick<Services, 'config' | 'db'>,
  actor: Principal,
  input: RuleInput,
  { dryRun }: { dryRun: boolean },
): Promise<RevocationView> {
  const permission = isServiceWide(input.kind) ? 'revocations.create_service_wide' : 'revocations.create'
  authorize(actor, permission)
  const now = services.now()
  const draft = draftRule(input, now)
  if (draft.kind === 'signing_key') await refuseSigningKeyInUse(services, actor, draft.value)
  return await change(
    services,
    actor,
    permission,
    noLock,
    async (tx, _, _now, within) => {
      const organizationId = await organizationOf(tx, draft, within)
      const rule = { ...draft, organizationId, actor: actor.clientId }
      const id = await addRevocationRule(tx, rule, services.config.clockToleranceSeconds, now)
      const row = await findRevocation(tx, { id, within: 'everywhere' })
      if (!row) throw new Error('the revocation rule was not inserted')
      const { kind, value, effectiveAt, reason } = draft
      const context = { kind, value, effectiveAt: effectiveAt?.toISOString() ?? null, text: input.text ?? null }
      const event = { type: 'revocation.created', organizationId, subject: id, reason, context } as const
      return { view: revocationView(row), event }
    },
    { now, dryRun },
  )
}

const cursors = cursorsOf('revocations', idPositions('rev'))

/** Newest first. An admin sees only the rules about its own organization. */
export async function listRevocations(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  page: PageRequest,
): Promise<Page<RevocationView>> {
  const within = authorize(actor, 'revocations.read')
  const rows = await selectRevocations(db, { within, before: cursors.read(page.cursor), limit: page.limit + 1 })
  return pageOf(rows, page.limit, { view: revocationView, cursor: (row) => cursors.write(row.id) })
}

/**
 * Lifts a rule: tokens that only this rule covered are accepted again. Root only, because the operator may have added
 * the rule against a tenant. Repeating it changes nothing. Throws `conflict` if the thing itself stays unusable: a
 * revoked, disabled or deleted API key, a suspended or deleted organization, a stolen signing key.
 */
export async function liftRevocation(services: ChangeServices, actor: Principal, id: string): Promise<void> {
  await change(services, actor, 'revocations.lift', revocationLock(id), async (tx, rule, now) => {
    await refuseLifting(tx, rule)
    if (!(await liftRevocationRule(tx, id, now))) return unchanged(undefined)
    const { kind, value } = rule
    return { view: undefined, event: { type: 'revocation.lifted', context: { kind, value } } }
  })
}

/** Takes no row lock: lifting is one conditional statement, so only one of several concurrent calls writes. */
function revocationLock(id: string): Lock<RevocationRow> {
  return async ({ tx, within }, work) => {
    const rule = await findRevocation(tx, { id, within })
    if (!rule) throw new ServiceError('not_found')
    return await work({ thing: rule, organizationId: rule.organizationId, subject: id })
  }
}

function isServiceWide(kind: RevocationKind): boolean {
  return kind === 'token' || kind === 'signing_key' || kind === 'all'
}

/** The organization that the rule is about. Throws `not_found` if the caller cannot see it. */
async function organizationOf(tx: Db, { kind, value }: RuleDraft, within: Within): Promise<string | null> {
  switch (kind) {
    case 'token':
    case 'signing_key':
    case 'all':
      return null
    case 'api_key':
      return (await found(findApiKey(tx, { id: value, within }))).organizationId
    case 'organization':
      return (await found(findOrganization(tx, { id: value, within }))).id
    case 'subject':
      return (await found(findOrganization(tx, { id: value.slice(0, value.indexOf(' ')), within }))).id
    default:
      throw kind satisfies never
  }
}

/** A rule about the key that signs now would also refuse every new token, until someone noticed. */
async function refuseSigningKeyInUse(
  services: Pick<Services, 'config' | 'db' | 'now'>,
  actor: Principal,
  kid: string,
): Promise<void> {
  const signingKey = (await listSigningKeys(services, actor)).find((key) => key.kid === kid)
  if (!signingKey) throw namedThingNotFound('value')
  if (signingKey.purpose === 'record')
    throw new ServiceError('conflict', {
      detail: 'This is a record key. It does not sign tokens, so there are no tokens to revoke.',
    })
  if (signingKey.state === 'active' || signingKey.state === 'pending') {
    throw new ServiceError('conflict', {
      detail:
        'This signing key is active or pending, so the rule would also refuse new tokens. Replace the key instead: that revokes it.',
    })
  }
}

async function found<Thing>(search: Promise<Thing | undefined>): Promise<Thing> {
  const thing = await search
  if (thing === undefined) throw namedThingNotFound('value')
  return thing
}

async function refuseLifting(tx: Db, rule: RevocationRow): Promise<void> {
  const { kind, value } = rule
  if (kind === 'signing_key')
    throw new ServiceError('conflict', { detail: 'Revoking a signing key is permanent: this rule cannot be lifted.' })
  const apiKey = kind === 'api_key' ? await findApiKey(tx, { id: value, within: 'everywhere' }) : undefined
  if (kind === 'api_key' && !apiKey) throw deleted('API key')
  if (apiKey?.revokedAt)
    throw new ServiceError('conflict', {
      detail: 'The API key itself is revoked. Revocation is permanent: create a new key.',
    })
  if (rule.issuedBefore === null && apiKey && (await isSwitchedOffBy(tx, apiKey, rule.id))) {
    throw new ServiceError('conflict', {
      detail: 'The API key or its service account is disabled. Enable it to end the rule.',
    })
  }
  const organization =
    kind === 'organization' ? await findOrganization(tx, { id: value, within: 'everywhere' }) : undefined
  if (kind === 'organization' && !organization) throw deleted('organization')
  if (
    organization?.suspendedAt &&
    rule.issuedBefore === null &&
    (organization.suspendedRuleId ?? rule.id) === rule.id
  ) {
    throw new ServiceError('conflict', { detail: 'The organization is suspended. Resume it to end the rule.' })
  }
}

function deleted(what: string): ServiceError {
  return new ServiceError('conflict', {
    detail: `The ${what} was deleted, and its tokens stay revoked. The rule ends by itself when they have expired.`,
  })
}

/**
 * Whether this is the rule that was added when the key or its service account was disabled. Lifting it would make tokens
 * from before valid again once the key is enabled. Without a stored id, any open rule may be the one.
 */
async function isSwitchedOffBy(
  tx: Db,
  { disabledAt, disabledRuleId, serviceAccountId }: StoredApiKey,
  ruleId: string,
): Promise<boolean> {
  if (disabledAt && (disabledRuleId ?? ruleId) === ruleId) return true
  if (serviceAccountId === null) return false
  const account = await findServiceAccount(tx, { id: serviceAccountId, within: 'everywhere' })
  if (!account?.disabledAt) return false
  return account.disabledRuleIds === null || account.disabledRuleIds.includes(ruleId)
}

function revocationView({ reasonText, ...row }: RevocationRow): RevocationView {
  return {
    ...row,
    text: reasonText,
    issuedBefore: row.issuedBefore?.toISOString() ?? null,
    effectiveAt: row.effectiveAt?.toISOString() ?? null,
    expiresAt: row.expiresAt?.toISOString() ?? null,
    liftedAt: row.liftedAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
  }
}
