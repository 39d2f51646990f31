import { expect, test } from 'vitest'
import { writtenTables } from './support/written-tables.ts'

const tables = ['api_keys', 'plans']
const hole = '${'

test.each<[string, string[]]>([
  ['sql`(select count(*) from api_keys live where live.id = 1)`', ['api_keys']],
  ['sql<number>`plans.name = 1`', ['plans']],
  ["sql`oid = 'api_keys'::regclass`", ['api_keys']],
  [`sql\`a = ${hole}ok ? sql\`b\` : sql\`x = plans.name\`} and "api_keys".id = 1\``, ['api_keys', 'plans']],
  ["client.unsafe('update api_keys set hash = $1')", ['api_keys']],
  ['const text = `DELETE FROM public."plans"`', ['plans']],
  ['sql.identifier("api_keys")', ['api_keys']],
])('finds in %s: %j', (source, found) => {
  expect(writtenTables(source, tables)).toEqual(found)
})

test.each([
  [`sql\`select 1 from ${hole}plans} where ${hole}f({ plans })} = 1\``],
  ["authorize(actor, 'api_keys.read')"],
  ['// from api_keys'],
  ['/** sql`from api_keys` */'],
  ["import { plans } from '../plans/queries.ts'"],
  ['sql`select 1 from mintage_plans_v1`'],
])('finds nothing in %s', (source) => {
  expect(writtenTables(source, tables)).toEqual([])
})
