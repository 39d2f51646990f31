import { sql as statement } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/pglite'
import postgres from 'postgres'
import type { Database, Db } from '../../src/db/database.ts'
import type { EmbeddedDatabase } from '../../src/db/pglite.ts'
import { releaseAfterFile } from './cleanup.ts'

// Loading a database in WebAssembly takes a second of CPU, copying one in PostgreSQL a quarter. So a database outlives
// the test file that opened it: emptied, it goes to the next file in the same process. A database whose tables a test
// changed is thrown away.

const unusedEmbedded: EmbeddedDatabase[] = []
const unusedPostgres: string[] = []
/** More would only take memory: few files open more than three. */
const mostUnused = 3

let embeddedShape: string | undefined
let postgresShape: string | undefined

/** The rows of this table were written by its migration, for ever. */
const kept = 'change_locks'

/** Deletes every other row. As a replica, PostgreSQL does not check references, so the order of tables does not matter. */
export const emptyAllTables = `do $$
  declare name text;
  begin
    set local session_replication_role = replica;
    for name in select tablename from pg_tables where schemaname = 'public' and tablename <> '${kept}' loop
      execute format('delete from %I', name);
    end loop;
  end $$`

/** Leaves no dead rows behind, as deleting would: the embedded database has no autovacuum. */
const truncateFilledTables = `do $$
  declare name text; has_rows boolean;
  begin
    set local session_replication_role = replica;
    for name in select tablename from pg_tables where schemaname = 'public' and tablename <> '${kept}' loop
      execute format('select exists (select 1 from %I)', name) into has_rows;
      if has_rows then execute format('truncate %I cascade', name); end if;
    end loop;
  end $$`

/** Changes with every table, column, constraint, trigger, function, grant and migration. */
const shape = `select md5(string_agg(part, E'\\n' order by part)) as shape from (
  select concat_ws(' ', c.relname, c.relkind, c.relacl, a.attname, a.atttypid, a.attnotnull)
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace in ('public'::regnamespace, 'drizzle'::regnamespace)
  union all select concat_ws(' ', conname, contype, convalidated) from pg_constraint where connamespace = 'public'::regnamespace
  union all select concat_ws(' ', tgname, tgrelid::regclass, tgenabled) from pg_trigger
  union all select concat_ws(' ', proname, prosrc) from pg_proc where pronamespace = 'public'::regnamespace
  union all select nspname from pg_namespace where nspname not like 'pg\\_%'
  union all select concat_ws(' ', hash, created_at) from drizzle.__drizzle_migrations
) as parts(part)`

/** An embedded database until the test file ends. What the file still runs on it afterwards is refused. */
export async function leaseEmbedded(open: () => Promise<EmbeddedDatabase>): Promise<Database> {
  const database = unusedEmbedded.pop() ?? (await open())
  const readShape = async () => String((await database.undeadlined.execute<{ shape: string }>(shape)).rows[0]?.shape)
  embeddedShape ??= await readShape()
  let isOver = false
  let wasClosed = false
  const unlistens: (() => Promise<void>)[] = []
  releaseAfterFile(async () => {
    isOver = true
    if (wasClosed) return
    const isReusable = await (async () => {
      for (const unlisten of unlistens) await unlisten()
      await database.db.execute(statement.raw(truncateFilledTables))
      return (await readShape()) === embeddedShape
    })().catch(() => false)
    if (isReusable && unusedEmbedded.length < mostUnused) unusedEmbedded.push(database)
    else await database.close()
  })
  return {
    kind: 'embedded',
    db: drizzle({ client: refuseWhen(() => isOver, database.db) }),
    within: (budget) => drizzle({ client: refuseWhen(() => isOver, database.within(budget)) }),
    listen: async (channel, onNotify) => {
      const unlisten = await database.listen?.(channel, onNotify)
      if (!unlisten) throw new Error('the embedded database can listen')
      unlistens.push(unlisten)
      return unlisten
    },
    stats: database.stats,
    close: async () => {
      wasClosed = true
      await database.close()
    },
  }
}

/** Drizzle's PGlite driver calls these two members only. */
function refuseWhen(isOver: () => boolean, db: Db) {
  const { $client: client } = db as unknown as ReturnType<typeof drizzle>
  const check = () => {
    if (isOver()) throw new Error('the test file that opened this database has ended')
  }
  const guarded: Pick<typeof client, 'query' | 'transaction'> = {
    query: async (text, params, options) => {
      check()
      return await client.query(text, params, options)
    },
    transaction: async (run) => {
      check()
      return await client.transaction(run)
    },
  }
  return guarded as unknown as typeof client
}

/** Connection string of a database until the test file ends. Connections that are still open then are cut. */
export async function leasePostgres(serverUrl: string, create: () => Promise<string>): Promise<string> {
  const url = unusedPostgres.pop() ?? (await create())
  postgresShape ??= await inPostgres(url, readPostgresShape)
  releaseAfterFile(async () => {
    const name = new URL(url).pathname.slice(1)
    const isReusable = await inPostgres(url, async (sql) => {
      await sql`select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = ${name} and pid <> pg_backend_pid()`
      await sql.unsafe(truncateFilledTables)
      return (await readPostgresShape(sql)) === postgresShape
    }).catch(() => false)
    if (isReusable && unusedPostgres.length < mostUnused) unusedPostgres.push(url)
    else await inPostgres(serverUrl, (sql) => sql`drop database if exists ${sql(name)} with (force)`)
  })
  return url
}

async function readPostgresShape(sql: postgres.Sql): Promise<string> {
  const [row] = await sql.unsafe(shape)
  return String(row?.shape)
}

async function inPostgres<Result>(url: string, work: (sql: postgres.Sql) => PromiseLike<Result>): Promise<Result> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end()
  }
}
