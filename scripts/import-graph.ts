import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

export type Import = {
  /** As written: `./rules.ts`, `jose`, `node:fs`. */
  specifier: string
  /** Vanishes when types are stripped. */
  typeOnly: boolean
  /** `import('…')`: loaded only when that line runs. */
  dynamic: boolean
}

/**
 * What a formatted TypeScript, JavaScript or declaration file imports. Statements are recognised at the start of a line, so text
 * in comments does not count. Does not see a specifier that is computed.
 */
export function importsOf(text: string): Import[] {
  const statements = text.matchAll(
    /^(?:import|export)\s+(?<type>type\s+)?(?:[\w*{}\s,$]*?\sfrom\s+)?['"](?<specifier>[^'"\n]+)['"]/gm,
  )
  const found = [...statements].map(({ groups, 0: statement }) => ({
    specifier: groups?.specifier ?? '',
    typeOnly: groups?.type !== undefined || /^import\s+\{(?:\s*type\s+[\w$\s]+,?)+\s*\}/.test(statement),
    dynamic: false,
  }))
  const withoutComments = text.replace(/^\s*(?:\/\*\*[^\n]*|\*[^\n]*|\/\/[^\n]*)$/gm, '')
  const calls = withoutComments.matchAll(
    /(?<typeof>typeof\s+)?\bimport\(\s*['"](?<specifier>[^'"\n]+)['"]\s*\)(?<member>\.\w)?/g,
  )
  const loaded = [...calls].map(({ groups }) => ({
    specifier: groups?.specifier ?? '',
    typeOnly: groups?.typeof !== undefined || groups?.member !== undefined,
    dynamic: true,
  }))
  return [...found, ...loaded]
}

/** `@hono/zod-openapi/x` → `@hono/zod-openapi`; `node:fs/promises` → `node:fs/promises`. */
export function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

export type Reached = {
  /** Absolute paths, the entries among them. */
  files: Set<string>
  packages: Set<string>
}

/** Every file and package that the entries reach through imports which `follow` accepts. Throws on a relative import of nothing. */
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

/** A declaration file says `./x.js` (or `./x.ts`) and means `./x.d.ts`. */
function locate(importer: string, specifier: string): string {
  const target = resolve(dirname(importer), specifier)
  const declaration = target.replace(/\.[jt]s$/, '.d.ts')
  const path = importer.endsWith('.d.ts') && !target.endsWith('.d.ts') ? declaration : target
  if (!existsSync(path)) throw new Error(`${importer} imports ${specifier}, and ${path} does not exist`)
  return path
}
