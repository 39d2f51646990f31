import type postgres from 'postgres'

/** Locks the row of an organization in another session. Resolves when it is locked; call the result to let it go. */
export async function holdOrganization(sql: postgres.Sql, id: string): Promise<() => Promise<void>> {
  const held = Promise.withResolvers<void>()
  const locked = Promise.withResolvers<void>()
  const holding = sql.begin(async (tx) => {
    await tx`select from organizations where id = ${id} for update`
    locked.resolve()
    await held.promise
  })
  await Promise.race([locked.promise, holding])
  return async () => {
    held.resolve()
    await holding
  }
}
