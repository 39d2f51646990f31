import { spawnSync } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

// `npm run generate -- --name keys_have_colors --older-code works --why 'adds a column'`: writes the migration from
// src/db/schema.ts, names it in src/db/latest-migration.ts, and writes its row in docs/migrations.md. `--older-code`
// says whether the code before it works on the new schema: `works` or `stops`. Takes the options of `drizzle-kit
// generate`.

const root = fileURLToPath(new URL('..', import.meta.url))
const { values, tokens } = parseArgs({
  options: { 'older-code': { type: 'string' }, why: { type: 'string' }, name: { type: 'string' } },
  strict: false,
  tokens: true,
})
const { 'older-code': olderCode, why } = values
if ((olderCode !== 'works' && olderCode !== 'stops') || typeof why !== 'string')
  throw new Error("say whether the previous version still works: --older-code works (or stops) --why 'adds a column'")
const passedOn = tokens.flatMap((token) =>
  token.kind === 'option' && token.name !== 'older-code' && token.name !== 'why'
    ? [`${token.rawName}${token.value === undefined ? '' : `=${token.value}`}`]
    : [],
)
const { status, error } = spawnSync('drizzle-kit', ['generate', ...passedOn], {
  cwd: root,
  stdio: 'inherit',
})
if (error) throw error
if (status === 0) stateOlderCode(writeLatestMigration(), olderCode, why)
process.exitCode = status ?? 1

type Migration = { tag: string; when: number }

function writeLatestMigration(): Migration {
  const journal: { entries: Migration[] } = JSON.parse(
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
  return latest
}

function stateOlderCode({ tag, when }: Migration, olderCode: 'works' | 'stops', why: string): void {
  const page = new URL('../docs/migrations.md', import.meta.url)
  const text = readFileSync(page, 'utf8')
  // Nothing was generated.
  if (text.includes(`\`${tag}\``)) return
  if (olderCode === 'stops') {
    const comment = `code without migration ${when} cannot use this schema`
    appendFileSync(
      new URL(`../drizzle/${tag}.sql`, import.meta.url),
      `\n--> statement-breakpoint\nCOMMENT ON TABLE "service_state" IS '${comment}';\n`,
    )
  }
  const rows = text.replace(/(^\| `.*\n)(?!\| `)/m, (last) => `${last}| \`${tag}\` | ${olderCode} | ${why} |\n`)
  writeFileSync(page, rows)
}
