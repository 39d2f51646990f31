import type { ChainLink, ToldEvent } from '../chain.ts'

/**
 * The lines of an export, in this order: what it is, the public record keys, the checkpoint over its last link, then the chain from its
 * first link on, each checkpoint behind the link that it speaks of. Described in docs/audit.md.
 */
export type TrailLine =
  | {
      readonly kind: 'export'
      readonly format: typeof trailFormat
      readonly version: 1
      readonly issuer: string
      readonly exportedAt: string
      readonly exportedBy: string
      /** Which events are told in full; the others are only linked. */
      readonly shown: Readonly<Record<string, string | null>>
      readonly head: { readonly sequence: number; readonly hash: string }
    }
  | { readonly kind: 'record_keys'; readonly keys: readonly object[] }
  | { readonly kind: 'checkpoint'; readonly signed: string }
  | { readonly kind: 'event'; readonly previousHash: string; readonly hash: string; readonly event: ToldEvent }
  | ({ readonly kind: 'link' } & ChainLink)

export const trailFormat = 'mintage-audit-trail'

/** A line as it is written, and no other way: the verifier refuses any other spelling. */
export function trailLine(line: TrailLine): string {
  return `${JSON.stringify(line)}\n`
}
