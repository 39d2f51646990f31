import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { circlesOf, type Import, importsOf, packageOf, reach } from './support/import-graph.ts'
import { importedNamesOf, needlessExports } from './support/imported-names.ts'
import { writtenTables } from './support/written-tables.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const src = join(root, 'src')

type SourceFile = { path: string; text: string; imports: readonly (Import & { target: string | undefined })[] }

/** Paths are relative to `src`, with forward slashes. */
const sources: readonly SourceFile[] = listFiles(src, '.ts').map((file) => {
  const text = readFileSync(file, 'utf8')
  const imports = importsOf(text).map((found) => ({
    ...found,
    target: found.specifier.startsWith('.')
      ? relative(src, join(file, '..', found.specifier)).replaceAll('\\', '/')
      : undefined,
  }))
  return { path: relative(src, file).replaceAll('\\', '/'), text, imports }
})

const edges = sources.flatMap(({ path, imports }) =>
  imports.flatMap(({ target, ...found }) => (target === undefined ? [] : [{ ...found, path, target }])),
)

/** Package → files that may import it, also for types only. For a new package, add a row and say why. */
const packages: Record<string, RegExp> = {
  'drizzle-orm': /^db\/|\/([\w-]+-)?queries\.ts$|^api-keys\/lookup\.ts$/,
  postgres: /^db\/|^kit\/revocation\/view-client\.ts$/,
  '@electric-sql/pglite': /^db\//,
  hono: /^http\/|^kit\/hono\.ts$|^app\.ts$/,
  '@hono/zod-openapi': /^http\/|^app\.ts$/,
  '@hono/node-server': /^node\/http-server\.ts$/,
  zod: /^http\/|^config\/(environment|describe-issue)\.ts$/,
  jose: /^signing-keys\/|^kit\//,
  'ipaddr.js': /^access\/cidr\.ts$/,
  '@noble/hashes': /^api-keys\/foreign-secret\.ts$|^cli\//,
  aws4fetch: /^crypto\/kek\//,
  pkcs11js: /^crypto\/kek\/[\w-]+\.node\.ts$/,
  uuid: /^crypto\/random\.ts$/,
  'prom-client': /^observability\//,
  'sonic-boom': /^observability\//,
  commander: /^cli\//,
  '@clack/prompts': /^cli\//,
  'cli-table3': /^cli\//,
  'csv-parse': /^cli\//,
  'csv-stringify': /^audit\/csv\.ts$/,
}

const nodeOnly = /^node\/|^cli\/|^db\/(pglite|migrate)\.ts$|\.node\.ts$/

/** `process.env`, `process['env']`, `const { env } = process` and the import of `env` from node:process. */
const readsProcess =
  /\bprocess\??\.(?:env|argv)\b|\bprocess\??\.?\[|\}\s*=\s*(?:globalThis\.)?process\b|import \{[^}]*\b(?:env|argv)\b[^}]*\} from 'node:process'/

describe('packages stay where they belong', () => {
  test.each(Object.entries(packages))('%s is imported only by %s', (name, allowed) => {
    const importers = sources.filter(({ imports }) => imports.some(({ specifier }) => packageOf(specifier) === name))
    expect(importers.map(({ path }) => path).filter((path) => !allowed.test(path))).toEqual([])
  })

  test('every package that the sources import is in the table', () => {
    const imported = sources.flatMap(({ imports }) => imports.map(({ specifier }) => packageOf(specifier)))
    const unknown = imported.filter((name) => !name.startsWith('.') && !name.startsWith('node:') && !(name in packages))
    expect([...new Set(unknown)]).toEqual([])
  })

  test('node: is imported only by entries, the CLI, the embedded database and files named .node.ts', () => {
    const importers = sources.filter(({ imports }) => imports.some(({ specifier }) => specifier.startsWith('node:')))
    expect(importers.map(({ path }) => path).filter((path) => !nodeOnly.test(path))).toEqual([])
  })

  // The kit has no entry of its own: it asks only whether NODE_ENV is production.
  test('the environment of the process is read only by the entries, and by the warnings of the kit', () => {
    const readers = sources.filter(({ text }) => readsProcess.test(withoutComments(text)))
    expect(
      readers
        .map(({ path }) => path)
        .filter((path) => !/^(?:node\/main|cli\/main|kit\/option-warnings)\.ts$/.test(path)),
    ).toEqual([])
  })
})

type Room = { imports: readonly string[]; tables: readonly string[] }

const foundations = ['error-catalogue', 'errors', 'crypto', 'oauth', 'observability', 'kit', 'db']
const concepts = [
  ...['audit', 'idempotency', 'usage', 'revocation', 'verifiers', 'plans', 'roles', 'members', 'organizations'],
  ...['service-accounts', 'api-keys', 'organization-deletion', 'signing-keys', 'revocations', 'keks', 'token'],
]
/** The table in docs/architecture.md says what each room may import and which tables it may use. */
const rooms = readRooms()

/** Every room may import the types of these files, to say what it needs. */
const freeTypes = /^(services|config\/settings|platform)\.ts$/

describe('imports point downwards', () => {
  test('every room has a row in docs/architecture.md, and every row a room', () => {
    const found = new Set(sources.map(({ path }) => roomOf(path)))
    const withoutRow = [...found].filter((room) => !rooms.has(room))
    const withoutRoom = [...rooms.keys()].filter((room) => !found.has(room))
    expect(withoutRow, 'add a row to the table in docs/architecture.md for').toEqual([])
    expect(withoutRoom, 'src has no such room: remove its row from docs/architecture.md').toEqual([])
  })

  test('a room imports only rooms below it', () => {
    const upwards = edges.filter(({ path, target, typeOnly }) => {
      const [from, to] = [roomOf(path), roomOf(target)]
      const allowed = rooms.get(from)?.imports ?? []
      return (
        from !== to &&
        !allowed.includes('composition') &&
        !allowed.includes(to) &&
        !(typeOnly && freeTypes.test(target))
      )
    })
    expect(upwards.map(({ path, target }) => `${path} → ${target}`)).toEqual([])
  })

  test('no file reaches itself through its imports, types included', () => {
    expect(circlesOf(edges)).toEqual([])
  })

  test('API keys import only the queries of organizations and service accounts', () => {
    const targets = edges
      .filter(({ path }) => roomOf(path) === 'api-keys')
      .filter(({ target }) => ['organizations', 'service-accounts'].includes(roomOf(target)))
    expect(targets.map(({ target }) => target).filter((target) => !target.endsWith('/queries.ts'))).toEqual([])
  })

  test('nothing imports an entry', () => {
    const importers = edges.filter(({ target }) => target === 'workers/main.ts' || target === 'node/main.ts')
    expect(importers.map(({ path }) => path).filter((path) => !path.startsWith('cli/'))).toEqual([])
  })
})

describe('one road leads to each function', () => {
  /** What packages and runtimes load from outside. */
  const entries = new Set([
    ...['index.ts', 'node/index.ts', 'kit/verify.ts', 'kit/hono.ts', 'kit/revocation/index.ts'],
    ...['node/main.ts', 'workers/main.ts', 'cli/bin.ts', 'cli/main.ts'],
  ])

  /** The exports in these files are texts of programs that tests write. */
  const otherPrograms = /\/test\/systems\/package\/application\.ts$/

  test('only the entries of the packages export what another file declares', () => {
    const strays = sources.filter(({ path, text }) => !entries.has(path) && /^export (?:type )?(?:\{|\*)/m.test(text))
    expect(strays.map(({ path }) => path)).toEqual([])
  })

  test('nothing is exported that no other file imports', () => {
    const files = ['src', 'test', 'bench', 'scripts', 'examples']
      .flatMap((folder) => listFiles(join(root, folder), '.ts'))
      .map((path) => ({ path, text: readFileSync(path, 'utf8') }))
    const isJudged = (path: string) =>
      !entries.has(relative(src, path)) && !otherPrograms.test(path) && !path.startsWith(join(root, 'examples'))
    expect(needlessExports(files, isJudged).map((found) => relative(root, found))).toEqual([])
  })
})

describe('tables have walls', () => {
  const schema = sources.find(({ path }) => path === 'db/schema.ts')?.text ?? ''
  /** The schema's constant → the table's name in SQL. */
  const names = new Map(
    [...schema.matchAll(/export const (\w+) = pgTable\(\s*'(\w+)'/g)].map(([, constant = '', table = '']) => [
      constant,
      table,
    ]),
  )

  test('the schema was read', () => {
    expect(names.size).toBeGreaterThan(15)
  })

  test('a room uses only the tables in its row', () => {
    const touched = sources
      .filter(({ path }) => path !== 'db/schema.ts')
      .flatMap(({ path, text }) =>
        schemaConstants(text).map((constant) => ({ path, table: names.get(constant) ?? constant })),
      )
    const whole = sources.filter(
      ({ path, text }) => roomOf(path) !== 'db' && /^import \* as \w+ from '[./\w-]*schema\.ts'/m.test(text),
    )
    expect(whole.map(({ path }) => path)).toEqual([])
    const strays = touched.filter(({ path, table }) => !rooms.get(roomOf(path))?.tables.includes(table))
    expect(strays.map(({ path, table }) => `${path}: ${table}`)).toEqual([])
  })

  test('SQL that is written by hand names no table: it uses the constants of the schema', () => {
    const written = sources
      .filter(({ path }) => path !== 'db/schema.ts')
      .flatMap(({ path, text }) => writtenTables(text, names.values()).map((table) => `${path}: ${table}`))
    expect(written).toEqual([])
  })

  test('no row names a table that its room does not use', () => {
    const idle = [...rooms].flatMap(([room, { tables }]) => {
      const used = sources
        .filter(({ path }) => roomOf(path) === room && path !== 'db/schema.ts')
        .flatMap(({ text }) => schemaConstants(text).map((constant) => names.get(constant)))
      return tables.filter((table) => !used.includes(table)).map((table) => `${room}: ${table}`)
    })
    expect(idle).toEqual([])
  })
})

describe('what applications load is light', () => {
  const kit = ['kit/verify.ts', 'kit/hono.ts', 'kit/revocation/index.ts'].map((path) => join(src, path))

  test('the kit imports itself and jose, and each optional package from one file', () => {
    const imported = sources
      .filter(({ path }) => path.startsWith('kit/'))
      .flatMap(({ path, imports }) =>
        imports
          .filter(({ target, specifier }) => !target?.startsWith('kit/') && specifier !== 'jose')
          .map(({ specifier }) => `${path}: ${specifier}`),
      )
    expect([...new Set(imported)].sort()).toEqual(['kit/hono.ts: hono', 'kit/revocation/view-client.ts: postgres'])
  })

  test('every file of the kit is one that an entry needs', () => {
    const { files } = reach(kit)
    const folder = sources.map(({ path }) => path).filter((path) => path.startsWith('kit/'))
    expect(folder).toEqual([...files].map((file) => relative(src, file).replaceAll('\\', '/')).sort())
  })

  test('no driver is loaded before a reader asks for it', () => {
    const { packages: reached } = reach(kit, ({ typeOnly, dynamic }) => !typeOnly && !dynamic)
    expect([...reached]).toEqual(['jose'])
  })

  test('only the middleware needs Hono', () => {
    const { packages: reached } = reach(kit.filter((path) => !path.endsWith('hono.ts')))
    expect([...reached]).not.toContain('hono')
  })
})

describe('the clock', () => {
  /** Files that compose `Services`. All others get `now` as an argument. */
  const composed = /^compose\.ts$|^node\/(main|start-services)\.ts$|^workers\/main\.ts$|^cli\//
  /** Files that may use the clock as the default of a `now` option. */
  const defaults = /^kit\//

  test('is read only where Services is composed and as a default of now', () => {
    const readings = sources.flatMap(({ path, text }) =>
      withoutComments(text)
        .split('\n')
        .filter((line) => /\bDate\.now\b|\bnew Date\(\)/.test(line))
        .filter(
          (line) =>
            !composed.test(path) && !(defaults.test(path) && /\bnow\w*\b\s*(\?\?=?|[=:])|\bnow \?\?/.test(line)),
        )
        .map((line) => `${path}: ${line.trim()}`),
    )
    expect(readings).toEqual([])
  })
})

describe('files can be read', () => {
  /** The schema stays in one file. */
  const lengths = sources
    .filter(({ path }) => path !== 'db/schema.ts')
    .map(({ path, text }) => ({ path, lines: lineCount(text) }))

  test('no source is longer than 250 lines, nine of ten have at most 150, and half have at most 80', () => {
    const sorted = lengths.map(({ lines }) => lines).sort((a, b) => a - b)
    expect(lengths.filter(({ lines }) => lines > 250)).toEqual([])
    expect(sorted[Math.floor(sorted.length * 0.9)]).toBeLessThanOrEqual(150)
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThanOrEqual(80)
  })

  test('no test, script or benchmark is longer than 350 lines', () => {
    const files = ['test', 'scripts', 'bench'].flatMap((folder) => listFiles(join(root, folder), '.ts'))
    const long = files.filter((file) => lineCount(readFileSync(file, 'utf8')) > 350)
    expect(long.map((file) => relative(root, file))).toEqual([])
  })

  test('no folder exists for a single queries.ts', () => {
    const folders = Map.groupBy(sources, ({ path }) => path.slice(0, path.lastIndexOf('/')))
    const single = [...folders].filter(([folder, files]) => folder.includes('/') && files.length === 1)
    expect(single.map(([, files]) => files[0]?.path).filter((path) => path?.endsWith('/queries.ts'))).toEqual([])
  })

  test('names are in kebab-case and say what is inside', () => {
    const names = sources.map(({ path }) => path.split('/').at(-1) ?? '')
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.(node|workers))?\.ts$/.test(name))).toEqual([])
    expect(names.filter((name) => /^(utils?|helpers?|common|managers?|base|misc)\.ts$/.test(name))).toEqual([])
  })
})

function readRooms(): ReadonlyMap<string, Room> {
  const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
  const groups: Readonly<Record<string, readonly string[]>> = { foundations, concepts }
  const rows = page.matchAll(/^\| `([\w-]+)` \|[^|]+\|([^|]*)\|([^|]*)\|$/gm)
  return new Map(
    [...rows].map(([, room = '', imports = '', tables = '']) => [
      room,
      { imports: words(imports).flatMap((word) => groups[word] ?? [word]), tables: words(tables) },
    ]),
  )
}

function words(cell: string): string[] {
  return cell.split(' ').filter((word) => word !== '')
}

function schemaConstants(text: string): string[] {
  const imported = importedNamesOf(text).filter(({ specifier }) => /\/schema\.ts$/.test(specifier))
  return imported.flatMap(({ names }) => (names === 'all' ? [] : [...names]))
}

function lineCount(text: string): number {
  return text.trimEnd().split('\n').length
}

function roomOf(path: string): string {
  return path.split('/')[0]?.replace(/\.ts$/, '') ?? path
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
}

function listFiles(folder: string, extension: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}
