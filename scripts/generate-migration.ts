import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// `npm run generate -- --name keys_have_colors`: writes the migration from src/db/schema.ts, then names it in
// src/db/latest-migration.ts. Takes the options of `drizzle-kit generate`.

const root = fileURLToPath(new URL('..', import.meta.url))
const { status, error } = spawnSync('drizzle-kit', ['generate', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
})
if (error) throw error
if (status === 0) writeLatestMigration()
process.exitCode = status ?? 1

function writeLatestMigration(): void {
  const journal: { entries: { tag: string; when: number }[] } = JSON.parse(
    readFileSync(new URL('../drizzle/meta/_journal.json', import.meta.url), 'utf8'),
  )
  const latest = journal.entries.at(-1)
  if (!latest) throw new Error('drizzle/meta/_journal.json lists no migration')
  const file = new URL('../src/db/latest-migration.ts', import.meta.url)
  const text = readFileSync(file, 'utf8')
  const declaration = `export const latestMigration = { tag: '${latest.tag}', when: ${latest.when} } as const`
  writeFileSync(
    file,
    text.replace(/^export const latestMigration = .*$/m, () => declaration),
  )
}
