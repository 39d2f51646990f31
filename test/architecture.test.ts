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
    target: found.specifier.startsWith('.') ? relative(src, join(file, '..', found.specifier)).replaceAll('\\', '/') : undefined,
  }))
  return { path: relative(src, file).replaceAll('\\', '/'), text, imports }
})

/** Package → the files that may import it, types included. A package that is not here is not in the plan: add a row and say why. */
const packages: Record<string, RegExp> = {
  'drizzle-orm': /^db\/|\/queries\.ts$|\/postgres\.ts$|^api-keys\/lookup\.ts$/,
  postgres: /^db\/|\/queries\.ts$|\/postgres\.ts$/,
  '@electric-sql/pglite': /^db\//,
  hono: /^http\/|^console\/|^verify\/hono\.ts$|^app\.ts$|^services\.ts$/,
  '@hono/zod-openapi': /^http\/|^app\.ts$/,
  '@hono/node-server': /^http-server\.node\.ts$/,
  zod: /^http\/|^config\/environment\.ts$/,
  jose: /^signing-keys\/|^verify\/|^testing\//,
  '@noble/hashes': /^api-keys\/imported\.ts$|^cli\//,
  aws4fetch: /^crypto\/kek\//,
  pkcs11js: /^crypto\/kek\/[\w-]+\.node\.ts$/,
  uuid: /^crypto\/random\.ts$/,
  'prom-client': /^observability\//,
  'sonic-boom': /^observability\//,
  commander: /^cli\//,
  '@clack/prompts': /^cli\//,
}

const nodeOnly = /^node\.ts$|^cli\/|^db\/(pglite|migrate)\.ts$|\.node\.ts$/

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
    expect(readers.map(({ path }) => path).filter((path) => !/^node\.ts$|^cli\/main\.ts$/.test(path))).toEqual([])
  })
})

const leaves = ['errors', 'crypto', 'oauth', 'observability']
const ground = [...leaves, 'db']
const ledgers = ['audit', 'usage', 'revocation', 'rate-limit', 'access']
const concepts = ['organizations', 'service-accounts', 'roles', 'api-keys', 'signing-keys']
const meetings = ['token', 'keks', 'alerts']

/** Room → the rooms that it may import. A room is a folder of `src`, or a file beside the folders. */
const below: Record<string, readonly string[]> = {
  errors: [],
  crypto: ['errors'],
  oauth: ['errors'],
  observability: ['errors'],
  db: leaves,
  audit: [...ground, 'access'],
  usage: ground,
  revocation: ground,
  'rate-limit': ground,
  access: ground,
  idempotency: ground,
  organizations: [...ground, ...ledgers],
  'service-accounts': [...ground, ...ledgers],
  roles: [...ground, ...ledgers],
  'api-keys': [...ground, ...ledgers, 'organizations'],
  'signing-keys': [...ground, ...ledgers],
  verify: ['oauth', 'revocation'],
  client: ['oauth'],
  testing: ['oauth', 'revocation', 'verify', 'client'],
  token: [...ground, ...ledgers, ...concepts, 'verify'],
  keks: [...ground, ...ledgers, 'signing-keys'],
  alerts: [...ground, ...ledgers, ...concepts],
  readiness: [...ground, ...ledgers, ...concepts],
  http: [...ground, ...ledgers, ...concepts, ...meetings, 'idempotency', 'verify', 'readiness'],
  console: [...ground, ...ledgers, ...concepts, ...meetings, 'http'],
  config: leaves,
}
/** Files beside the folders that put the rooms together. */
const composition = /^(index|app|services|platform|bootstrap|restored|maintenance|node|worker|[\w-]+\.(node|workers))$/
/** What composition hands around: their types are free, so that a room can say what it needs. */
const freeTypes = /^(services|config|platform)\.ts$/

describe('imports point downwards', () => {
  test('a room imports only rooms below it', () => {
    const upwards = sources
      .filter(({ path }) => !composition.test(roomOf(path)) && !path.startsWith('cli/'))
      .flatMap(({ path, imports }) => imports.map((found) => ({ path, ...found })))
      .filter(({ path, target, typeOnly }) => {
        if (target === undefined || (typeOnly && freeTypes.test(target))) return false
        const from = roomOf(path)
        const to = roomOf(target)
        return from !== to && !below[from]?.includes(to)
      })
    expect(upwards.map(({ path, target }) => `${path} → ${target}`)).toEqual([])
  })

  test('API keys know of organizations only their plans and queries', () => {
    const targets = importsFrom('api-keys').filter((target) => target.startsWith('organizations/'))
    expect(targets.filter((target) => !/^organizations\/(plans|queries)\.ts$/.test(target))).toEqual([])
  })

  test('nothing imports an entry', () => {
    const importers = sources.filter(({ imports }) => imports.some(({ target }) => target === 'worker.ts' || target === 'node.ts'))
    expect(importers.map(({ path }) => path).filter((path) => !path.startsWith('cli/'))).toEqual([])
  })
})

describe('what applications load is light', () => {
  const kit = ['verify/index.ts', 'verify/hono.ts', 'verify/revocation.ts'].map((path) => join(src, path))

  test('at run time it reaches jose, and no driver or server code before a reader asks for it', () => {
    const { files, packages: reached } = reach(
      kit,
      ({ typeOnly, dynamic, specifier }) => !typeOnly && !(dynamic && specifier === 'postgres'),
    )
    expect([...files].map((file) => relative(src, file)).filter((path) => !/^(verify|oauth|revocation)\//.test(path))).toEqual([])
    expect([...reached].filter((name) => name !== 'jose' && name !== 'hono')).toEqual([])
  })

  test('even its types know nothing of Drizzle, whose declarations need every driver there is', () => {
    const { packages: reached } = reach(kit)
    expect([...reached].filter((name) => !['jose', 'hono', 'postgres'].includes(name))).toEqual([])
  })

  test('only the middleware needs Hono', () => {
    const { packages: reached } = reach(kit.filter((path) => !path.endsWith('hono.ts')))
    expect([...reached]).not.toContain('hono')
  })
})

describe('the clock', () => {
  /** Where `Services` is composed; the rest gets `now` as an argument. */
  const composed = /^(services|node|start\.node|worker)\.ts$|^cli\//
  /** May name the clock as the default of a `now` option, and nowhere else. */
  const defaults = /^(verify|client)\/|^revocation\/(memory|postgres|feed-reader)\.ts$/

  test('is read only where Services is composed and as a default of now', () => {
    const readings = sources.flatMap(({ path, text }) =>
      withoutComments(text)
        .split('\n')
        .filter((line) => /\bDate\.now\b|\bnew Date\(\)/.test(line))
        .filter((line) => !composed.test(path) && !(defaults.test(path) && /\bnow\w*\b\s*(\?\?=?|[=:])|\bnow \?\?/.test(line)))
        .map((line) => `${path}: ${line.trim()}`),
    )
    expect(readings).toEqual([])
  })
})

describe('files can be read', () => {
  test('none is longer than 350 lines, except the schema on its one page', () => {
    const files = ['src', 'test', 'scripts', 'bench'].flatMap((folder) => listFiles(join(root, folder), '.ts'))
    const long = files.filter((file) => readFileSync(file, 'utf8').trimEnd().split('\n').length > 350)
    expect(long.map((file) => relative(root, file)).filter((path) => path !== 'src/db/schema.ts')).toEqual([])
  })

  test('names are in kebab-case and say what is inside', () => {
    const names = sources.map(({ path }) => path.split('/').at(-1) ?? '')
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.(node|workers))?\.ts$/.test(name))).toEqual([])
    expect(names.filter((name) => /^(utils?|helpers?|common|managers?|base|misc)\.ts$/.test(name))).toEqual([])
  })
})

function importsFrom(room: string): string[] {
  return sources.filter(({ path }) => roomOf(path) === room).flatMap(({ imports }) => imports.flatMap(({ target }) => target ?? []))
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
