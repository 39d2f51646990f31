import type { Sql } from 'postgres'
import { generateApiKey } from '../src/api-keys/format.ts'
import { newId } from '../src/crypto/random.ts'
import { sha256 } from '../src/kit/digest.ts'

/** Inserts `known` keys. Returns the secrets of `used` working ones. */
export async function insertApiKeys(sql: Sql, { known, used }: { known: number; used: number }): Promise<string[]> {
  const organizationId = newId('org')
  await sql`insert into organizations (id, name, plan, created_at) values (${organizationId}, 'bench', 'enterprise', now())`
  const secrets = Array.from({ length: used }, () => generateApiKey('live'))
  const hashes = await Promise.all(secrets.map((secret) => sha256(secret)))
  while (hashes.length < known) hashes.push(crypto.randomUUID())
  const ids = hashes.map(() => newId('key'))
  await sql`
    insert into api_keys (id, organization_id, name, environment, scopes, audiences, roles, created_at, created_by)
    select id, ${organizationId}, 'bench', 'live', array['orders:read', 'orders:write'], '{}', '{}', now(), 'system'
    from unnest(${ids}::text[]) as id`
  await sql`
    insert into api_key_versions (api_key_id, version, hash, hint, created_at)
    select id, 1, hash, 'abcd', now() from unnest(${ids}::text[], ${hashes}::text[]) as keys (id, hash)`
  await sql`analyze`
  return secrets
}
