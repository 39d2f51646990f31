/** How far a reader of the database has read. */
export type SyncPosition = {
  readonly generation: number
  /** Every transaction below this has ended. The next poll reads from here. */
  readonly xmin: bigint
  /**
   * Orders snapshots of one database. The higher one sees everything that the lower one sees. Equal = they see the
   * same.
   */
  readonly sequence: bigint
}

/** PostgreSQL allows at most 2^18 - 1 backends, so fewer than 2^18 transactions are in progress. */
const maximumInProgress = 2n ** 18n

/**
 * Parses `pg_current_snapshot()::text` (`xmin:xmax:xip,xip,…`). Throws on other text.
 *
 * `xmax` never falls. While it stays the same, transactions below it can only end, so their number only falls. `xmin`
 * alone would not order two snapshots that are taken while an old transaction is open.
 */
export function parseSnapshot(generation: number, text: string): SyncPosition {
  const match = /^(\d+):(\d+):([\d,]*)$/.exec(text)
  const [, xmin, xmax, inProgress] = match ?? []
  if (xmin === undefined || xmax === undefined || inProgress === undefined)
    throw new Error('the database did not return a snapshot')
  const count = inProgress === '' ? 0 : inProgress.split(',').length
  return {
    generation,
    xmin: BigInt(xmin),
    sequence: BigInt(xmax) * maximumInProgress + (maximumInProgress - 1n - BigInt(count)),
  }
}

/** Formats a position as opaque text: the cursor of a feed document, from which a client can request a delta. */
export function formatCursor({ generation, xmin, sequence }: SyncPosition): string {
  return `${generation}-${xmin}-${sequence}`
}

/** Undefined if the text is not a cursor. */
export function parseCursor(text: string): SyncPosition | undefined {
  const match = /^(\d{1,16})-(\d{1,20})-(\d{1,26})$/.exec(text)
  const [, generation, xmin, sequence] = match ?? []
  if (generation === undefined || xmin === undefined || sequence === undefined) return undefined
  return { generation: Number(generation), xmin: BigInt(xmin), sequence: BigInt(sequence) }
}
