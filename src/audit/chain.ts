import { sha256Hex } from '../crypto/digest.ts'
import { canonicalJson } from './canonical-json.ts'

/** What stands before the first event: 64 zeros. */
export const genesisHash = '0'.repeat(64)

/** The place of an event in the chain; hashes are 64 lower-case hexadecimal digits. */
export type ChainLink = {
  readonly sequence: number
  readonly previousHash: string
  readonly hash: string
}

/** An event as the database gives it back, as exports and the admin API show it. Instants are RFC 3339 texts of UTC with milliseconds. */
export type TrailEvent = {
  readonly sequence: number
  readonly id: string
  readonly occurredAt: string
  readonly type: string
  readonly result: string
  readonly actor: string
  readonly organizationId: string | null
  readonly subject: string | null
  readonly reason: string | null
  readonly address: string | null
  readonly agent: string | null
  readonly requestId: string | null
  readonly sessionId: string | null
  readonly durationMilliseconds: number | null
  readonly context: Readonly<Record<string, unknown>>
}

/**
 * The text that is hashed, described in docs/audit.md: RFC 8785 over the event and the hash before it. Members that are null are left
 * out, so that an event keeps its hash when a later version tells more of the events to come.
 */
export function chainText(previousHash: string, event: TrailEvent): string {
  const told = Object.entries({ ...event, previousHash }).filter(([, value]) => value !== null)
  return canonicalJson(Object.fromEntries(told))
}

export async function chainHash(previousHash: string, event: TrailEvent): Promise<string> {
  return await sha256Hex(chainText(previousHash, event))
}
