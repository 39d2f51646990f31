import type { ToldEvent } from '../chain.ts'
import { eventName, type ReportFault } from './fault.ts'

type TrailIssuers = {
  /** Notes the new issuer if the event reports one. */
  event(event: ToldEvent): void
  checkpoint(checkpoint: { iss: string; sequence: number }, line: number | null): void
  /** Reports each checkpoint that another issuer signed than the trail gives for its place. */
  end(exportIssuer: string): void
}

/**
 * Which issuer the service had at each place of the trail: `service.issuer_changed` events say so, inside the chain.
 */
export function createTrailIssuers(report: ReportFault): TrailIssuers {
  const changes: { sequence: number; from: string; to: string }[] = []
  const signed: { iss: string; sequence: number; line: number | null }[] = []
  return {
    event({ type, sequence, context: { from, to } }) {
      if (type === 'service.issuer_changed' && typeof from === 'string' && typeof to === 'string')
        changes.push({ sequence, from, to })
    },

    checkpoint: ({ iss, sequence }, line) => void signed.push({ iss, sequence, line }),

    end(exportIssuer) {
      for (const { iss, sequence, line } of signed) {
        const before = changes.findLast((change) => change.sequence <= sequence)
        const issuer = before?.to ?? changes[0]?.from ?? exportIssuer
        if (iss === issuer) continue
        const message = `the checkpoint over ${eventName(sequence)} is of ${iss}, but the issuer there was ${issuer}`
        report('bad_checkpoint', message, sequence, line)
      }
    },
  }
}
