import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Import, importsOf, packageOf, reach } from '../scripts/import-graph.ts'

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

/** Package → the files that may import it, types included. A package that is not here is not in the plan: add a row and say why. */
const packages: Record<string, RegExp> = {
  'drizzle-orm': /^db\/|\/([\w-]+-)?queries\.ts$|^api-keys\/lookup\.ts$/,
  postgres: /^db\/|^kit\/revocation\/view-client\.ts$/,
  '@electric-sql/pglite': /^db\//,
  hono: /^http\/|^kit\/hono\.ts$|^app\.ts$/,
  '@hono/zod-openapi': /^http\/|^app\.ts$/,
  '@hono/node-server': /^node\/http-server\.ts$/,
  zod: /^http\/|^config\/environment\.ts$/,
  jose: /^signing-keys\/|^kit\//,
  '@noble/hashes': /^api-keys\/foreign-secret\.ts$|^cli\//,
  aws4fetch: /^crypto\/kek\//,
  pkcs11js: /^crypto\/kek\/[\w-]+\.node\.ts$/,
  uuid: /^crypto\/random\.ts$/,
  'prom-client': /^observability\//,
  'sonic-boom': /^observability\//,
  commander: /^cli\//,
  '@clack/prompts': /^cli\//,
}

const nodeOnly = /^node\/|^cli\/|^db\/(pglite|migrate)\.ts$|\.node\.ts$/

describe('the reader of imports', () => {
  test.each([
    ["import { a } from './a.ts'", './a.ts', false, false],
    ["import type { A } from './a.ts'", './a.ts', true, false],
    ["import { type A, type B } from './a.ts'", './a.ts', true, false],
    ["import { type A, b } from './a.ts'", './a.ts', false, false],
    ["import {\n  a,\n  b,\n} from 'pkg/sub'", 'pkg/sub', false, false],
    ["import * as all from 'pkg'", 'pkg', false, false],
    ["import main, { b } from 'pkg'", 'pkg', false, false],
    ["import 'pkg'", 'pkg', false, false],
    ["export * from './a.ts'", './a.ts', false, false],
    ["export type { A } from './a.ts'", './a.ts', true, false],
    ["  const { b } = await import('pkg')", 'pkg', false, true],
    ["  load = () => import('pkg')", 'pkg', false, true],
    ["type Sql = import('pkg').Sql", 'pkg', true, true],
    ["let x: typeof import('pkg')", 'pkg', true, true],
  ])('sees %j', (text, specifier, typeOnly, dynamic) => {
    expect(importsOf(text)).toEqual([{ specifier, typeOnly, dynamic }])
  })

  test.each([["/** import { a } from './a.ts' */"], [" * import('pkg')"], ["// import 'pkg'"], ['export const a = 1']])(
    'sees nothing in %j',
    (text) => {
      expect(importsOf(text)).toEqual([])
    },
  )
})

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

  test('the environment of the process is read only by the entries', () => {
    const readers = sources.filter(({ text }) => /\bprocess\.env\b|\bprocess\.argv\b/.test(withoutComments(text)))
    expect(readers.map(({ path }) => path).filter((path) => !/^node\/main\.ts$|^cli\/main\.ts$/.test(path))).toEqual([])
  })
})

type Room = { imports: readonly string[]; tables: readonly string[] }

const foundations = ['error-catalogue', 'errors', 'crypto', 'oauth', 'observability', 'kit', 'db']
const concepts = [
  ...['audit', 'idempotency', 'usage', 'revocation', 'verifiers', 'plans', 'roles', 'members', 'organizations'],
  ...['service-accounts', 'api-keys', 'signing-keys', 'revocations', 'keks', 'token'],
]
/** The table of docs/architecture.md: one place says what a room is, what it may import and which tables it may touch. */
const rooms = readRooms()

/** What composition hands around: their types are free, so that a room can say what it needs. */
const freeTypes = /^(services|config\/settings|platform)\.ts$/

describe('imports point downwards', () => {
  test('every room has a row in docs/architecture.md, and every row a room', () => {
    expect([...rooms.keys()].sort()).toEqual([...new Set(sources.map(({ path }) => roomOf(path)))].sort())
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
    expect(circles()).toEqual([])
  })

  test('API keys know of organizations only their queries', () => {
    const targets = edges
      .filter(({ path }) => roomOf(path) === 'api-keys')
      .filter(({ target }) => roomOf(target) === 'organizations')
    expect(targets.map(({ target }) => target).filter((target) => target !== 'organizations/queries.ts')).toEqual([])
  })

  test('nothing imports an entry', () => {
    const importers = edges.filter(({ target }) => target === 'workers/main.ts' || target === 'node/main.ts')
    expect(importers.map(({ path }) => path).filter((path) => !path.startsWith('cli/'))).toEqual([])
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

  test('a room touches only the tables of its row', () => {
    const touched = sources
      .filter(({ path }) => path !== 'db/schema.ts')
      .flatMap(({ path, text }) =>
        schemaConstants(text).map((constant) => ({ path, table: names.get(constant) ?? constant })),
      )
    const strays = touched.filter(({ path, table }) => !rooms.get(roomOf(path))?.tables.includes(table))
    expect(strays.map(({ path, table }) => `${path}: ${table}`)).toEqual([])
  })

  test('no row names a table that its room leaves alone', () => {
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
  /** Where `Services` is composed; the rest gets `now` as an argument. */
  const composed = /^compose\.ts$|^node\/(main|start)\.ts$|^workers\/main\.ts$|^cli\//
  /** May name the clock as the default of a `now` option, and nowhere else. */
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
  /** The schema stays on its one page. */
  const lengths = sources
    .filter(({ path }) => path !== 'db/schema.ts')
    .map(({ path, text }) => ({ path, lines: lineCount(text) }))

  test('no source is longer than 250 lines, nine of ten are at most 150, and half are at most 80', () => {
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
  const statements = text.matchAll(/^import \{([^}]*)\} from '[./\w-]*schema\.ts'/gm)
  return [...statements].flatMap(([, names = '']) => names.split(',').flatMap((name) => name.trim() || []))
}

/** Groups of files that import each other, directly or around (Tarjan's strongly connected components). */
function circles(): string[][] {
  const targets = new Map<string, string[]>()
  for (const { path, target } of edges) targets.set(path, [...(targets.get(path) ?? []), target])
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const found: string[][] = []
  const visit = (path: string) => {
    order.set(path, order.size)
    lowest.set(path, order.get(path) ?? 0)
    stack.push(path)
    for (const target of targets.get(path) ?? []) {
      if (!order.has(target)) visit(target)
      if (stack.includes(target)) lowest.set(path, Math.min(lowest.get(path) ?? 0, lowest.get(target) ?? 0))
    }
    if (lowest.get(path) !== order.get(path)) return
    const group = stack.splice(stack.indexOf(path))
    if (group.length > 1) found.push(group.sort())
  }
  for (const { path } of sources) if (!order.has(path)) visit(path)
  return found
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
