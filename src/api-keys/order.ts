import { type Cursors, cursorsOf, idPositions } from '../db/cursors.ts'

/** `newest`: by creation. `lastUsed`: latest use first. `longestUnused`: never used, then earliest last use. */
export const apiKeyOrders = ['newest', 'lastUsed', 'longestUnused'] as const

export type ApiKeyOrder = (typeof apiKeyOrders)[number]

/** The last key of a page: the next page begins after it. */
export type Place = { readonly id: string; readonly lastUsedAt: Date | null }

const ids = idPositions('key')

/** The cursors of the list in one order. A cursor of another order is refused. */
export function placesIn(sort: ApiKeyOrder): Cursors<Place> {
  if (sort === 'newest') {
    return cursorsOf<Place>('api-keys', {
      write: ({ id }) => id,
      read: (text) => placeOf(text, null),
    })
  }
  return cursorsOf<Place>(`api-keys.${sort}`, {
    write: ({ id, lastUsedAt }) => `${lastUsedAt?.getTime() ?? 'never'}.${id}`,
    read(text) {
      const [, time, id = ''] = /^(never|\d{1,14})\.(.*)$/s.exec(text) ?? []
      return placeOf(id, time === 'never' ? null : new Date(Number(time)))
    },
  })
}

function placeOf(text: string, lastUsedAt: Date | null): Place | undefined {
  const id = ids.read(text)
  return id === undefined ? undefined : { id, lastUsedAt }
}
