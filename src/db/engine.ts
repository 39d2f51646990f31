import { sql } from 'drizzle-orm'
import type { Db } from './database.ts'

/** Engines that speak PostgreSQL's protocol, but on which revocations would not be reliable. */
const unfit = [
  { name: 'CockroachDB', version: /^CockroachDB/i },
  { name: 'YugabyteDB', version: /-YB-|YugabyteDB/i },
]

/** Why the service cannot run on the engine, by its `version()`. Undefined for PostgreSQL, and for unknown engines. */
export function engineFault(version: string): string | undefined {
  const engine = unfit.find((each) => each.version.test(version))
  return (
    engine &&
    `the database is ${engine.name}, which Mintage cannot use: revocations rely on triggers, row locks and notifications of PostgreSQL. Use PostgreSQL 15 or later`
  )
}

/** Throws if the service cannot run on the engine of this database. The message is for the operator. */
export async function refuseUnfitEngine(db: Db): Promise<void> {
  const [server] = await db.select({ version: sql<string>`version()` }).from(sql`(select 1) as one`)
  const fault = engineFault(server?.version ?? '')
  if (fault !== undefined) throw new Error(fault)
}
