/** What a caller asks of a list: at most `limit` items after the place that `cursor` names; the beginning without one. */
export type PageRequest = { readonly limit: number; readonly cursor?: string | undefined }

/** One page; `nextCursor` is null on the last. Cursors are opaque outside. */
export type Page<Item> = { items: Item[]; nextCursor: string | null }

/** Makes a page of rows that were asked for with one more than `limit`, which is how the query tells whether there is another page. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  { view, cursor }: { view: (row: Row) => Item; cursor: (row: Row) => string },
): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown.map(view), nextCursor: rows.length > limit && last !== undefined ? cursor(last) : null }
}
