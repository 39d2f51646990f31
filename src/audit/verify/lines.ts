import type { ChainLink, ToldEvent } from '../chain.ts'

/**
 * The lines of an export, in this order: a header, the public record keys, the checkpoint over the last link, then the
 * chain from its first link on, each checkpoint after the link that it covers. Described in docs/audit.md.
 */
export type TrailLine =
  | {
      readonly kind: 'export'
      readonly format: typeof trailFormat
      readonly version: 1
      readonly issuer: string
      readonly exportedAt: string
      readonly exportedBy: string
      /** Which events are complete; of the others only the link is there. */
      readonly shown: Readonly<Record<string, string | null>>
      readonly head: { readonly sequence: number; readonly hash: string }
    }
  | { readonly kind: 'record_keys'; readonly keys: readonly object[] }
  | { readonly kind: 'checkpoint'; readonly signed: string }
  | { readonly kind: 'event'; readonly previousHash: string; readonly hash: string; readonly event: ToldEvent }
  | ({ readonly kind: 'link' } & ChainLink)

export const trailFormat = 'mintage-audit-trail'

/** The one spelling of a line: the verifier refuses any other. */
export function trailLine(line: TrailLine): string {
  return `${JSON.stringify(line)}\n`
}
