import { migrate } from '../../src/db/migrate.ts'
import { openEmbedded } from '../../src/db/pglite.ts'
import { organizations } from '../../src/db/schema.ts'

// Runs as a separate process on an embedded folder. Prints the id of each row that the database acknowledged, and never
// stops.
const database = await openEmbedded({ folder: process.argv[2] ?? '' })
await migrate(database)
for (let number = 0; ; number++) {
  const id = `org_${number}`
  await database.db.insert(organizations).values({ id, name: id, plan: 'free', createdAt: new Date(0) })
  process.stdout.write(`${id}\n`)
}
