/** How far a reader of the database has read. */
export type SyncPosition = {
  readonly generation: number
  /** Every transaction below has ended: the next poll reads from here. */
  readonly xmin: bigint
  /** Orders snapshots of one database: of two, the higher sees everything that the lower sees. Equal = they see the same. */
  readonly sequence: bigint
}

/** PostgreSQL allows at most 2^18 - 1 backends, hence fewer transactions in progress. */
const maximumInProgress = 2n ** 18n

/**
 * The position of `pg_current_snapshot()::text` (`xmin:xmax:xip,xip,…`). Throws on other text.
 *
 * xmax never falls, and while it stands still transactions below it only end, so their number only falls. `xmin` alone would not order
 * two snapshots taken while an old transaction is open.
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

/** The same as opaque text: the cursor of a feed's document, from which a delta can be asked for. */
export function formatCursor({ generation, xmin, sequence }: SyncPosition): string {
  return `${generation}-${xmin}-${sequence}`
}

/** Undefined unless it is such text. */
export function parseCursor(text: string): SyncPosition | undefined {
  const match = /^(\d{1,16})-(\d{1,20})-(\d{1,26})$/.exec(text)
  const [, generation, xmin, sequence] = match ?? []
  if (generation === undefined || xmin === undefined || sequence === undefined) return undefined
  return { generation: Number(generation), xmin: BigInt(xmin), sequence: BigInt(sequence) }
}
