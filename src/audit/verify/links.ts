import { type ChainLink, genesisHash } from '../chain.ts'
import { eventName, type ReportFault, shortHash } from './fault.ts'

type TrailPlace = {
  readonly hash: string
  /** How many events there are up to and including this one. */
  readonly count: number
}

export type TrailLinks = {
  take(link: ChainLink, line: number): void
  /** After the last link: reports what is missing. */
  end(): void
  /** The last link in order; the genesis hash at 0 before the first. */
  head(): { readonly sequence: number; readonly hash: string }
  place(sequence: number): TrailPlace | undefined
  count(): number
}

/**
 * Checks every link against the previous one. After a fault it continues from the faulty link, so that one fault is
 * reported once.
 */
export function createTrailLinks(report: ReportFault): TrailLinks {
  /** Every sequence seen: shows what is duplicated, late or missing. */
  const places = new Map<number, TrailPlace>()
  const gaps: { from: number; to: number; line: number }[] = []
  let head: { sequence: number; hash: string } = { sequence: 0, hash: genesisHash }

  function takeOutOfPlace({ sequence, hash }: ChainLink, line: number): void {
    const known = places.get(sequence)
    if (!known) {
      places.set(sequence, { hash, count: places.size + 1 })
      report('reordered', `event ${sequence} comes after event ${head.sequence}`, sequence, line)
    } else if (known.hash === hash) {
      report('reordered', `event ${sequence} is there twice`, sequence, line)
    } else {
      report(
        'forked',
        `the trail forks: two events claim place ${sequence}, ${shortHash(known.hash)} and ${shortHash(hash)}`,
        sequence,
        line,
      )
    }
  }

  /** Of a gap, only what did not come later. */
  function reportGap({ from, to, line }: { from: number; to: number; line: number }): void {
    let first = from
    let last = to
    while (first <= to && places.has(first)) first++
    while (last > first && places.has(last)) last--
    if (first > to) return
    report(
      'deleted',
      first === last ? `event ${first} is missing` : `events ${first} to ${last} are missing`,
      first,
      line,
    )
  }

  return {
    take(link, line) {
      const { sequence, previousHash, hash } = link
      if (sequence <= head.sequence) return takeOutOfPlace(link, line)
      if (previousHash !== head.hash && sequence > head.sequence + 1)
        gaps.push({ from: head.sequence + 1, to: sequence - 1, line })
      else if (previousHash !== head.hash) {
        const message = `event ${sequence} does not follow ${eventName(head.sequence)}: one of them, or what was before, was replaced`
        report('replaced', message, sequence, line)
      }
      places.set(sequence, { hash, count: places.size + 1 })
      head = { sequence, hash }
    },
    end() {
      for (const gap of gaps) reportGap(gap)
    },
    head: () => head,
    place: (sequence) => places.get(sequence),
    count: () => places.size,
  }
}
