import { sha256Hex } from '../kit/digest.ts'
import { canonicalJson } from './canonical-json.ts'

/** The hash before the first event: 64 zeros. */
export const genesisHash = '0'.repeat(64)

/** The place of an event in the chain; hashes are 64 lower-case hexadecimal digits. */
export type ChainLink = {
  readonly sequence: number
  readonly previousHash: string
  readonly hash: string
}

/**
 * An event as the database returns it, as exports and the admin API show it. Times are RFC 3339 texts in UTC with
 * milliseconds.
 */
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

/** An event without its null members. */
export type ToldEvent = Pick<TrailEvent, 'sequence' | 'id' | 'occurredAt' | 'type' | 'result' | 'actor' | 'context'> & {
  readonly [Member in keyof TrailEvent]?: NonNullable<TrailEvent[Member]>
}

/** Null members are left out, so adding a member later does not change old hashes. */
export function toldEvent(event: TrailEvent): ToldEvent {
  const { sequence, id, occurredAt, type, result, actor, context, ...others } = event
  const told = Object.entries(others).filter(([, value]) => value !== null)
  return { sequence, id, occurredAt, type, result, actor, ...Object.fromEntries(told), context }
}

/** The text that is hashed (docs/audit.md): RFC 8785 over the event and the previous hash. */
export function chainText(previousHash: string, event: ToldEvent): string {
  return canonicalJson({ ...event, previousHash })
}

export async function chainHash(previousHash: string, event: ToldEvent): Promise<string> {
  return await sha256Hex(chainText(previousHash, event))
}
