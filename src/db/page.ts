/** At most `limit` items after the position of `cursor`; without a cursor, from the beginning. */
export type PageRequest = { readonly limit: number; readonly cursor?: string | undefined }

/** One page; `nextCursor` is null on the last one. Cursors are opaque to callers. */
export type Page<Item> = { items: Item[]; nextCursor: string | null }

/** Makes a page from up to `limit + 1` rows: the extra row says that there is another page. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  { view, cursor }: { view: (row: Row) => Item; cursor: (row: Row) => string },
): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown.map(view), nextCursor: rows.length > limit && last !== undefined ? cursor(last) : null }
}
