import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

export type Import = {
  /** As written: `./rules.ts`, `jose`, `node:fs`. */
  specifier: string
  /** Removed when types are stripped. */
  typeOnly: boolean
  /** `import('…')`: loads only when that line runs. */
  dynamic: boolean
}

/**
 * What a formatted TypeScript, JavaScript or declaration file imports. Recognizes statements only at the start of a
 * line, so text in comments does not count. Does not see computed specifiers.
 */
export function importsOf(text: string): Import[] {
  const found = importStatements(text).map(({ specifier, statement }) => ({
    specifier,
    typeOnly:
      /^(?:import|export)\s+type\s/.test(statement) || /^import\s+\{(?:\s*type\s+[\w$\s]+,?)+\s*\}/.test(statement),
    dynamic: false,
  }))
  const loaded = importCalls(text).map(({ specifier, typeOnly }) => ({ specifier, typeOnly, dynamic: true }))
  return [...found, ...loaded]
}

/** Each `import … from '…'`, `import '…'` and `export … from '…'`, as written. */
export function importStatements(text: string): { statement: string; specifier: string }[] {
  const statements = text.matchAll(
    /^(?:import|export)\s+(?:type\s+)?(?:(?:[\w*{}\s,$]|\/\/[^\n]*\n|\/\*[\s\S]*?\*\/)*?\sfrom\s+)?['"](?<specifier>[^'"\n]+)['"]/gm,
  )
  return [...statements].map(({ groups, 0: statement }) => ({ statement, specifier: groups?.specifier ?? '' }))
}

type ImportCall = {
  specifier: string
  typeOnly: boolean
  /** The text without its comments, and where in it the call starts and ends. */
  source: string
  index: number
  end: number
}

/** Each `import('…')`, as a value or in a type. */
export function importCalls(text: string): ImportCall[] {
  const source = text.replace(/^\s*(?:\/\*\*[^\n]*|\*[^\n]*|\/\/[^\n]*)$/gm, '')
  const calls = source.matchAll(/(?<typeof>typeof\s+)?\bimport\(\s*['"](?<specifier>[^'"\n]+)['"]\s*\)/g)
  return [...calls].map(({ groups, index, 0: call }) => {
    const end = index + call.length
    const typeOnly = groups?.typeof !== undefined || /^\.\w/.test(source.slice(end, end + 2))
    return { specifier: groups?.specifier ?? '', typeOnly, source, index, end }
  })
}

/** `@hono/zod-openapi/x` → `@hono/zod-openapi`; `node:fs/promises` → `node:fs/promises`. */
export function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

type Reached = {
  /** Absolute paths, including the entries. */
  files: Set<string>
  packages: Set<string>
}

/**
 * Every file and package that the entries reach through imports that `follow` accepts. Throws if an imported file does
 * not exist.
 */
export function reach(entries: readonly string[], follow: (found: Import) => boolean = () => true): Reached {
  const files = new Set<string>()
  const packages = new Set<string>()
  const waiting = entries.map((entry) => resolve(entry))
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (files.has(file)) continue
    files.add(file)
    for (const found of importsOf(readFileSync(file, 'utf8')).filter(follow)) {
      if (found.specifier.startsWith('.')) waiting.push(locate(file, found.specifier))
      else packages.add(packageOf(found.specifier))
    }
  }
  return { files, packages }
}

/**
 * Groups of files that import each other, directly or through others, and files that import themselves (Tarjan's strongly connected components).
 */
export function circlesOf(edges: readonly { path: string; target: string }[]): string[][] {
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
    if (group.length > 1 || targets.get(path)?.includes(path)) found.push(group.sort())
  }
  for (const { path } of edges) if (!order.has(path)) visit(path)
  return found
}

/** In a declaration file, `./x.js` and `./x.ts` mean `./x.d.ts`. */
function locate(importer: string, specifier: string): string {
  const target = resolve(dirname(importer), specifier)
  const declaration = target.replace(/\.[jt]s$/, '.d.ts')
  const path = importer.endsWith('.d.ts') && !target.endsWith('.d.ts') ? declaration : target
  if (!existsSync(path)) throw new Error(`${importer} imports ${specifier}, and ${path} does not exist`)
  return path
}
