import { canonicalJson } from '../canonical-json.ts'
import { chainHash, type ToldEvent } from '../chain.ts'
import { createTrailCheckpoints, instantOf, type OpenCheckpointsWith } from './checkpoints.ts'
import { eventName, type ReportFault, type TrailFault } from './fault.ts'
import { createTrailIssuers } from './issuers.ts'
import { createTrailLinks } from './links.ts'
import { type ReadLine, readTrailLine } from './reader.ts'

export type TrailOptions = {
  readonly openWith: OpenCheckpointsWith
  /** The trusted record keys. Without them the keys in the file are trusted, and the file vouches for itself. */
  readonly pinnedKeys?: readonly unknown[] | undefined
  /** Heads known from elsewhere: the trail must contain them. */
  readonly heads?: readonly { sequence: number; hash: string }[]
  /** Checkpoints that were kept elsewhere. */
  readonly checkpoints?: readonly string[]
  /**
   * How far, in seconds, an event may be earlier than the events before it: the clocks of instances differ. Default
   * 300.
   */
  readonly clockToleranceSeconds?: number | undefined
}

export type TrailVerdict = {
  /** Empty: no fault was found. */
  readonly faults: readonly TrailFault[]
  readonly issuer: string | null
  /** Events in the chain, and how many of them are complete. */
  readonly events: number
  readonly shown: number
  readonly head: { readonly sequence: number; readonly hash: string }
  /** The checkpoint over the last event; null = no trusted one. */
  readonly seal: { readonly kid: string; readonly signedAt: string } | null
  readonly checkpoints: number
  /** Whether the keys came from outside the file. */
  readonly pinned: boolean
}

type Trail = {
  /** Takes the lines of an export one by one, without line ends. */
  line(text: string): Promise<void>
  /** Call it after the last line. */
  verdict(): Promise<TrailVerdict>
}

/** Nobody reads more faults; the rest is dropped. */
const mostFaults = 100

/**
 * Verifies an exported trail offline: each event matches its hash, each link the previous one, every checkpoint is
 * signed by a record key and matches the trail, and one covers the end. The file alone cannot show that it is older
 * than another export (give a head or a checkpoint that you kept) or that its keys are not the service's (pin them).
 */
export function createTrail(options: TrailOptions): Trail {
  const { openWith, pinnedKeys, heads = [], clockToleranceSeconds = 300 } = options
  const faults: TrailFault[] = []
  const report: ReportFault = (kind, message, sequence, line) => {
    if (faults.length < mostFaults) faults.push({ kind, message, sequence, line })
  }
  const links = createTrailLinks(report)
  const checkpoints = createTrailCheckpoints({ openWith, pinnedKeys, heads, report })
  const issuers = createTrailIssuers(report)
  let lines = 0
  let opening: { issuer: string; shown: object } | undefined
  let shown = 0
  let lastShown: ToldEvent | undefined
  /** The latest time so far, milliseconds since 1970. */
  let latest = Number.NEGATIVE_INFINITY

  async function take(line: ReadLine): Promise<void> {
    switch (line.kind) {
      case 'export':
        opening ??= line
        break
      case 'record_keys':
        await checkpoints.useKeys(line.keys)
        break
      case 'checkpoint':
        await takeCheckpoint(line.signed, lines)
        break
      case 'link':
        links.take(line, lines)
        break
      case 'event':
        await takeEvent(line)
        break
      default:
        line satisfies never
    }
  }

  async function takeEvent({ event, previousHash, hash }: ReadLine & { kind: 'event' }): Promise<void> {
    const { sequence, id, type } = event
    shown++
    lastShown = event
    if ((await chainHash(previousHash, event)) !== hash) {
      report(
        'edited',
        `event ${sequence} (${id}, ${type}) was changed: what it says does not give its hash`,
        sequence,
        lines,
      )
    }
    links.take({ sequence, previousHash, hash }, lines)
    issuers.event(event)
    takeInstant(event)
  }

  function takeInstant({ sequence, occurredAt }: ToldEvent): void {
    const at = Date.parse(occurredAt)
    if (!(at >= latest - clockToleranceSeconds * 1000)) {
      const message = `event ${sequence} says that it happened at ${occurredAt}, but the one before it at ${instantOf(latest / 1000)}`
      if (latest > 0) report('time', message, sequence, lines)
    }
    latest = Math.max(latest, at || 0)
  }

  async function takeCheckpoint(signed: string, line: number | null): Promise<void> {
    const checkpoint = await checkpoints.take(signed, line)
    if (!checkpoint) return
    const { iat, sequence } = checkpoint
    issuers.checkpoint(checkpoint, line)
    if (sequence === links.head().sequence) latest = Math.max(latest, iat * 1000)
  }

  // Nobody signs the header of an export; the event that reports it is in the chain.
  function checkShown({ shown: said }: { shown: object }): void {
    const { sequence } = links.head()
    const told =
      lastShown?.sequence === sequence && lastShown.type === 'audit_events.exported' ? lastShown.context.shown : said
    if (canonicalJson(told) !== canonicalJson(said)) {
      report(
        'withheld',
        `the first line names other filters than event ${sequence}, which records the export`,
        sequence,
        1,
      )
    } else if (Object.keys(said).length === 0 && shown < links.count()) {
      report('withheld', `the export was of everything, but tells ${shown} of ${links.count()} events`, null, 1)
    }
  }

  return {
    async line(text) {
      lines++
      const line = readTrailLine(text)
      if (typeof line === 'string') return report('malformed', `line ${lines} ${line}`, null, lines)
      if ((lines === 1) !== (line.kind === 'export'))
        report('malformed', `line ${lines} is not where an export has it`, null, lines)
      await take(line)
    },

    async verdict() {
      if (links.count() === 0) report('malformed', 'it has no events', null, null)
      if (!checkpoints.hasKeys()) await checkpoints.useKeys([])
      for (const signed of options.checkpoints ?? []) await takeCheckpoint(signed, null)
      if (opening) issuers.end(opening.issuer)
      links.end()
      // Where a link is missing or changed, counts differ for that reason.
      const seal = checkpoints.end(links, { countsMatter: faults.length === 0 })
      if (opening && faults.length === 0) checkShown(opening)
      const head = links.head()
      if (!seal)
        report(
          'unsealed',
          `no valid checkpoint covers the last event, ${eventName(head.sequence)}`,
          head.sequence,
          null,
        )
      return {
        faults,
        issuer: opening?.issuer ?? null,
        events: links.count(),
        shown,
        head,
        seal: seal ? { kid: seal.kid, signedAt: instantOf(seal.iat) } : null,
        checkpoints: checkpoints.count(),
        pinned: pinnedKeys !== undefined,
      }
    },
  }
}
