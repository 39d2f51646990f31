import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { kekIdOf } from '../crypto/envelope.ts'
import { type KekServices, liveKids } from './live-kids.ts'
import { readEnvelopes } from './queries.ts'

/** A KEK as the admin API shows it: its id, without key material. */
export type KekView = {
  /** Null for damaged envelopes, because their KEK is unknown. */
  id: string | null
  /**
   * seals: seals new envelopes and opens · opens: only opens · missing: not configured, so its envelopes cannot be
   * opened.
   */
  use: 'seals' | 'opens' | 'missing'
  /** How many envelopes it sealed. */
  envelopes: number
  /**
   * How many of them belong to keys that are neither retired nor revoked. Without their KEK the service does not start.
   */
  liveEnvelopes: number
}

/**
 * The KEKs configured in this process, the sealing one first, and then KEKs that appear only in envelopes. Does not
 * check that a KEK answers.
 */
export async function kekStatus(services: KekServices, actor: Principal): Promise<KekView[]> {
  requireServiceWide(actor, 'keks.read')
  const { keyEncryption } = services
  const sealing = await keyEncryption.sealingKekId()
  const envelopes = (await readEnvelopes(services.db)).map((stored) => ({
    id: stored.id,
    kek: kekIdOf(stored.envelope) ?? null,
  }))
  const live = await liveKids(services)
  const ids = new Set<string | null>([sealing, ...keyEncryption.kekIds, ...envelopes.map(({ kek }) => kek)])
  const views = [...ids].map(async (id): Promise<KekView> => {
    const sealed = envelopes.filter(({ kek }) => kek === id)
    const use = id === sealing ? 'seals' : id !== null && (await keyEncryption.holds(id)) ? 'opens' : 'missing'
    return {
      id,
      use,
      envelopes: sealed.length,
      liveEnvelopes: sealed.filter((envelope) => live.has(envelope.id)).length,
    }
  })
  return await Promise.all(views)
}
