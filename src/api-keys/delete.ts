import { type ChangeServices, change } from '../access/change.ts'
import type { Principal } from '../access/principal.ts'
import type { Db } from '../db/database.ts'
import { addRevocationRules, endLastingRules } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'
import { type Impact, whatWouldBreak } from '../usage/impact.ts'
import { deleteApiKeyRows, keepDeletedSecrets } from './deletion-queries.ts'
import { endingLock } from './lock.ts'
import type { ApiKeyInstants } from './status.ts'

type DeletingServices = ChangeServices & Pick<Services, 'config'>

/** `force` = even if nobody can administer the service or the organization afterwards. */
type Force = { readonly force?: boolean | undefined }

/**
 * Ends a key and all of its tokens, and deletes it with its versions and usage, whatever its status. Kept are its audit
 * events, the rule about its tokens until they have expired, and for a while the hashes of its secrets: see
 * `forgetDeletedSecrets`. Repeating it is `not_found`. Throws as `revokeApiKey`.
 */
export async function deleteApiKey(
  services: DeletingServices,
  actor: Principal,
  id: string,
  { force = false }: Force = {},
): Promise<void> {
  await runDeletion(services, actor, { id, force, dryRun: false })
}

/** What deleting the key would break. Writes nothing. Throws the same. */
export async function tryDeletingApiKey(
  services: DeletingServices & Pick<Services, 'db'>,
  actor: Principal,
  id: string,
  { force = false }: Force = {},
): Promise<Impact> {
  await runDeletion(services, actor, { id, force, dryRun: true })
  return await whatWouldBreak(services.db, [id], services.now())
}

async function runDeletion(
  services: DeletingServices,
  actor: Principal,
  { id, force, dryRun }: { id: string; force: boolean; dryRun: boolean },
): Promise<void> {
  await change(
    services,
    actor,
    'api_keys.delete',
    endingLock(id, force),
    async (tx, apiKey, now) => {
      await removeApiKeys(tx, services, [apiKey], actor, now)
      return { view: undefined, event: { type: 'api_key.deleted', context: { name: apiKey.name } } }
    },
    { dryRun },
  )
}

type Doomed = { readonly id: string; readonly organizationId: string } & Pick<
  ApiKeyInstants,
  'revokedAt' | 'revocationPlanned'
>

/**
 * Deletes at most a thousand locked keys, and revokes their tokens: a key that is revoked already has its rule. The
 * caller appends the event.
 */
export async function removeApiKeys(
  tx: Db,
  { config }: Pick<Services, 'config'>,
  keys: readonly Doomed[],
  actor: Principal,
  now: Date,
): Promise<void> {
  const ids = keys.map(({ id }) => id)
  await keepDeletedSecrets(tx, ids, now)
  await deleteApiKeyRows(tx, ids)
  const rules = keys
    .filter(({ revokedAt, revocationPlanned }) => revokedAt === null || revocationPlanned)
    .map(({ id, organizationId }) => {
      const rule = { kind: 'api_key', value: id, expires: 'when_dead' } as const
      return { ...rule, organizationId, reason: 'deleted', actor: actor.clientId }
    })
  await addRevocationRules(tx, rules, config.clockToleranceSeconds, now)
  await endLastingRules(tx, { apiKeyIds: ids }, config.clockToleranceSeconds, now)
}
