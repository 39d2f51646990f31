import type { ChainLink, ToldEvent } from '../chain.ts'
import { isCount, isHash } from '../checkpoint.ts'
import { type TrailLine, trailFormat } from './lines.ts'

/**
 * What the verifier relies on in a line. An event's members beside its sequence are proved by its hash, not by their
 * shape.
 */
export type ReadLine =
  | { readonly kind: 'export'; readonly issuer: string; readonly shown: object }
  | { readonly kind: 'record_keys'; readonly keys: readonly unknown[] }
  | { readonly kind: 'checkpoint'; readonly signed: string }
  | { readonly kind: 'event'; readonly previousHash: string; readonly hash: string; readonly event: ToldEvent }
  | ({ readonly kind: 'link' } & ChainLink)

/**
 * The line, or a clause that says what is wrong with it. A line has exactly one spelling, that of the export. Otherwise
 * it could say one thing to the verifier and another to a reader (two members of one name, a member that no hash
 * covers).
 */
export function readTrailLine(text: string): ReadLine | string {
  const value = parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'is not a JSON object'
  if (JSON.stringify(value) !== text) return 'is not written as an export writes it'
  const members: Readonly<Record<string, unknown>> = { ...value }
  const wanted = membersOf[String(members.kind)]
  if (!wanted) return 'is of a kind that this version does not know'
  if (Object.keys(members).join() !== wanted) return 'has other members than it should'
  return read(members) ?? 'has not the shape of its kind'
}

const membersOf: Readonly<Record<string, string | undefined>> = {
  export: 'kind,format,version,issuer,exportedAt,exportedBy,shown,head',
  record_keys: 'kind,keys',
  checkpoint: 'kind,signed',
  event: 'kind,previousHash,hash,event',
  link: 'kind,sequence,previousHash,hash',
} satisfies Readonly<Record<TrailLine['kind'], string>>

function read(members: Readonly<Record<string, unknown>>): ReadLine | undefined {
  const { kind, previousHash, hash } = members
  if (kind === 'export') {
    const { format, version, issuer, shown } = members
    if (format !== trailFormat || version !== 1 || typeof issuer !== 'string') return undefined
    return typeof shown === 'object' && shown !== null ? { kind, issuer, shown } : undefined
  }
  if (kind === 'record_keys') return Array.isArray(members.keys) ? { kind, keys: members.keys } : undefined
  if (kind === 'checkpoint') return typeof members.signed === 'string' ? { kind, signed: members.signed } : undefined
  if (!isHash(previousHash) || !isHash(hash)) return undefined
  if (kind === 'link')
    return isPlace(members.sequence) ? { kind, sequence: members.sequence, previousHash, hash } : undefined
  return kind === 'event' && isEvent(members.event) ? { kind, previousHash, hash, event: members.event } : undefined
}

function isPlace(value: unknown): value is number {
  return isCount(value) && value > 0
}

function isEvent(value: unknown): value is ToldEvent {
  if (typeof value !== 'object' || value === null) return false
  const { sequence, id, type, occurredAt, context } = value as Partial<Record<keyof ToldEvent, unknown>>
  const areTexts = [id, type, occurredAt].every((text) => typeof text === 'string')
  // No hash covers a null member, so an export has none.
  if (Object.values(value).includes(null)) return false
  return isPlace(sequence) && areTexts && typeof context === 'object' && context !== null
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
