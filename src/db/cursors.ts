import { isId } from '../crypto/random.ts'
import { invalidRequest } from '../errors.ts'

/** The cursors of one list: the text after which a page continues, for a position in the list. */
export type Cursors<Position> = {
  write(position: Position): string
  /** Throws `invalid_request` for anything but a cursor of this list. Without a cursor: undefined. */
  read(cursor: string | undefined): Position | undefined
}

/** How a list writes and reads its positions. `read` returns undefined for a text that `write` cannot write. */
type Positions<Position> = {
  readonly write: (position: Position) => string
  readonly read: (text: string) => Position | undefined
}

/**
 * `list` is the name of the list. Where it belongs to something, as the versions of a key, the name contains its id.
 */
export function cursorsOf<Position>(list: string, positions: Positions<Position>): Cursors<Position> {
  const start = `${list}.`
  return {
    write: (position) => `${start}${positions.write(position)}`,
    read(cursor) {
      if (cursor === undefined) return undefined
      const position = cursor.startsWith(start) ? positions.read(cursor.slice(start.length)) : undefined
      if (position !== undefined) return position
      throw invalidRequest('cursor is not from this list. Use the nextCursor of its previous page.')
    },
  }
}

/** The positions of a list of things with ids. */
export function idPositions(...prefixes: readonly string[]): Positions<string> {
  const isPosition = (text: string) => isId(text) && prefixes.some((prefix) => text.startsWith(`${prefix}_`))
  return { write: (id) => id, read: (text) => (isPosition(text) ? text : undefined) }
}

/** The positions of a list of numbered things. */
export const numberPositions: Positions<number> = {
  write: String,
  read: (text) => (/^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined),
}
