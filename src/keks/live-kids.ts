import type { Services } from '../services.ts'
import { readRing } from '../signing-keys/queries.ts'
import { isLive, ringOf } from '../signing-keys/ring.ts'

export type KekServices = Pick<Services, 'config' | 'db' | 'keyEncryption' | 'now'>

/** Kids of keys whose private part may still be needed, including those whose algorithm this version does not know. */
export async function liveKids({ db, config, now }: KekServices): Promise<ReadonlySet<string>> {
  const rows = await readRing(db)
  if (!rows) return new Set()
  const ring = ringOf(rows, config)
  const dead = new Set(ring.keys.filter((key) => !isLive(ring, key, now())).map(({ kid }) => kid))
  return new Set(rows.keys.map(({ kid }) => kid).filter((kid) => !dead.has(kid)))
}
