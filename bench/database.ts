import postgres, { type Sql } from 'postgres'
import { createPostgresCluster, findPostgresBinaries } from '../test/support/postgres-cluster.ts'

type BenchDatabase = { url: string; sql: Sql; close(): Promise<void> }

/**
 * An empty PostgreSQL database, in a new cluster or on the server of TEST_DATABASE_URL. Undefined if there is neither.
 */
export async function openPostgresForBench(): Promise<BenchDatabase | undefined> {
  const given = process.env.TEST_DATABASE_URL
  const binaries = findPostgresBinaries()
  const cluster = !given && binaries ? await createPostgresCluster(binaries) : undefined
  const server = given ?? cluster?.url()
  if (!server) return undefined
  const name = `mintage_bench_${process.pid}`
  const admin = postgres(server, { max: 1, onnotice: () => {} })
  await admin`create database ${admin(name)}`
  const url = new URL(server)
  url.pathname = `/${name}`
  const sql = postgres(url.href, { max: 1, onnotice: () => {} })
  return {
    url: url.href,
    sql,
    async close() {
      await sql.end()
      await admin`drop database ${admin(name)} with (force)`
      await admin.end()
      await cluster?.destroy()
    },
  }
}
