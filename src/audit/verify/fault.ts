/** What can be wrong with an exported trail. */
export type TrailFaultKind =
  | 'malformed'
  | 'edited'
  | 'deleted'
  | 'withheld'
  | 'reordered'
  | 'forked'
  | 'replaced'
  | 'rewritten'
  | 'truncated'
  | 'unsealed'
  | 'time'
  | 'foreign_key'
  | 'revoked_key'
  | 'bad_checkpoint'

export type TrailFault = {
  readonly kind: TrailFaultKind
  /** A clause in lower case: what is wrong, and where. */
  readonly message: string
  /** The event concerned; null = not about one event. */
  readonly sequence: number | null
  /** Line of the file, from 1; null = not about one line. */
  readonly line: number | null
}

export type ReportFault = (kind: TrailFaultKind, message: string, sequence: number | null, line: number | null) => void

export function eventName(sequence: number): string {
  return sequence === 0 ? 'its beginning' : `event ${sequence}`
}

export function shortHash(hash: string): string {
  return `${hash.slice(0, 12)}…`
}
