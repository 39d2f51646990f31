import { type CheckpointClaims, readCheckpointClaims } from '../checkpoint.ts'
import { eventName, type ReportFault, shortHash, type TrailFaultKind } from './fault.ts'
import type { TrailLinks } from './links.ts'

/**
 * Opens a JWS that one of the keys signed as a checkpoint. Rejects with an Error that says why not, with `code:
 * 'unknown_key'` for an unknown key.
 */
type OpenCheckpoint = (signed: string) => Promise<{ kid: string; payload: unknown }>

/** Creates a function that opens checkpoints, from public keys: the `keys` of a JWK Set. */
export type OpenCheckpointsWith = (keys: readonly unknown[]) => Promise<OpenCheckpoint>

type OpenedCheckpoint = CheckpointClaims & { readonly kid: string }

type TrailCheckpoints = {
  useKeys(keys: readonly unknown[]): Promise<void>
  hasKeys(): boolean
  /** Undefined for a checkpoint that cannot be trusted; that was reported. */
  take(signed: string, line: number | null): Promise<OpenedCheckpoint | undefined>
  /** Reports where the trail differs from the checkpoints and the given heads. Returns the checkpoint over its end. */
  end(links: TrailLinks, options: { countsMatter: boolean }): OpenedCheckpoint | undefined
  count(): number
}

type Expected = {
  readonly sequence: number
  readonly hash: string
  readonly count?: number
  readonly says: string
  readonly line: number | null
}

type TrailCheckpointsOptions = {
  openWith: OpenCheckpointsWith
  pinnedKeys: readonly unknown[] | undefined
  heads: readonly { sequence: number; hash: string }[]
  report: ReportFault
}

export function createTrailCheckpoints({
  openWith,
  pinnedKeys,
  heads,
  report,
}: TrailCheckpointsOptions): TrailCheckpoints {
  const expected: Expected[] = heads.map((head) => ({ ...head, says: 'the head that was given', line: null }))
  const opened: OpenedCheckpoint[] = []
  let open: OpenCheckpoint | undefined
  let revokedAt: ReadonlyMap<string, number> = new Map()

  async function openOne(signed: string, line: number | null): Promise<OpenedCheckpoint | undefined> {
    if (!open) {
      report('malformed', 'a checkpoint stands before the record keys', null, line)
      return undefined
    }
    try {
      const { kid, payload } = await open(signed)
      const claims = readCheckpointClaims(payload)
      if (claims) return { ...claims, kid }
      report('bad_checkpoint', 'a checkpoint is malformed', null, line)
    } catch (error) {
      report(...refusalOf(error), null, line)
    }
    return undefined
  }

  return {
    async useKeys(keys) {
      open = await openWith(pinnedKeys ?? keys)
      revokedAt = new Map([...keys, ...(pinnedKeys ?? [])].flatMap(revocationOf))
    },

    hasKeys: () => open !== undefined,

    async take(signed, line) {
      const checkpoint = await openOne(signed, line)
      if (!checkpoint) return undefined
      const { sequence, hash, count, iat, kid } = checkpoint
      // Someone with a leaked key can also forge an earlier time. Whether earlier signatures count depends on the
      // reason of the revocation.
      if (iat >= (revokedAt.get(kid) ?? Number.POSITIVE_INFINITY)) {
        report(
          'revoked_key',
          `the checkpoint over ${eventName(sequence)} is signed by ${kid} after that key was revoked`,
          sequence,
          line,
        )
        return undefined
      }
      expected.push({ sequence, hash, count, says: `the checkpoint of ${instantOf(iat)}`, line })
      opened.push(checkpoint)
      return checkpoint
    },

    end(links, { countsMatter }) {
      for (const one of expected) {
        const found = unmet(countsMatter ? one : { ...one, count: undefined }, links)
        if (found) report(...found, one.sequence, one.line)
      }
      const head = links.head()
      return opened.findLast(({ sequence, hash }) => sequence === head.sequence && hash === head.hash)
    },

    count: () => opened.length,
  }
}

/** Undefined when the trail contains what is expected. */
function unmet(
  { sequence, hash, count, says }: Omit<Expected, 'count'> & { count?: number | undefined },
  links: TrailLinks,
): [TrailFaultKind, string] | undefined {
  const place = links.place(sequence)
  const last = links.head().sequence
  if (!place && sequence > last) {
    return ['truncated', `the trail ends at ${eventName(last)}, but ${says} speaks of event ${sequence}: it was cut`]
  }
  if (!place) return ['deleted', `${eventName(sequence)} is not there, but ${says} speaks of it`]
  if (place.hash !== hash) {
    const differ = `${says} gives its hash as ${shortHash(hash)}, the trail as ${shortHash(place.hash)}`
    return ['rewritten', `the trail was rewritten at or before ${eventName(sequence)}: ${differ}`]
  }
  if (count === undefined || count === place.count) return undefined
  return ['deleted', `${says} counts ${count} events up to ${eventName(sequence)}, the trail has ${place.count}`]
}

function refusalOf(error: unknown): [TrailFaultKind, string] {
  const { code, kid, message } = Object(error)
  if (code === 'unknown_key')
    return ['foreign_key', `a checkpoint is signed by ${String(kid)}, which is not a record key`]
  return ['bad_checkpoint', `a checkpoint is not valid: ${typeof message === 'string' ? message : 'it cannot be read'}`]
}

/** A record key's `revoked` member (as in OpenID Federation 1.0 §8.7): seconds since 1970. */
function revocationOf(key: unknown): [string, number][] {
  const { kid, revoked } = Object(key)
  const { revoked_at: at } = Object(revoked)
  return typeof kid === 'string' && typeof at === 'number' ? [[kid, at]] : []
}

export function instantOf(seconds: number): string {
  const instant = new Date(seconds * 1000)
  return Number.isNaN(instant.getTime()) ? 'an invalid time' : instant.toISOString()
}
