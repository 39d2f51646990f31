import { dirname, resolve } from 'node:path'
import { importCalls, importStatements } from './import-graph.ts'

type ImportedNames = {
  specifier: string
  /** Names as the other module exports them. `all`: the text uses the module as a whole. */
  names: ReadonlySet<string> | 'all'
}

/**
 * Which exports of each module a formatted TypeScript file uses. Reads import and export clauses, members of a
 * namespace, `import('…').Name`, and what is destructured from `await import('…')`. Where a call to `import` gives the
 * module a name that this does not follow, every word of the file counts as used.
 */
export function importedNamesOf(text: string): ImportedNames[] {
  const statements = importStatements(text).map(({ statement, specifier }) => ({
    specifier,
    names: namesInStatement(statement, text),
  }))
  const calls = importCalls(text).map(({ specifier, index, end, source }) => ({
    specifier,
    names: namesOfCall(source, index, end) ?? wordsOf(source),
  }))
  return [...statements, ...calls]
}

function namesInStatement(statement: string, text: string): ReadonlySet<string> | 'all' {
  const clause = withoutComments(statement).replace(/\sfrom\s+['"][^'"]+['"]$/, '')
  const namespace = /\*\s+as\s+(\w+)/.exec(clause)?.[1]
  if (namespace !== undefined && clause.startsWith('import')) return membersOf(namespace, text.replace(statement, ''))
  if (clause.includes('*')) return 'all'
  const main = /^import\s+(?:type\s+)?(?!type\s*\{)(\w+)/.exec(clause) ? ['default'] : []
  return new Set([...main, ...namesInBraces(/\{([^}]*)\}/.exec(clause)?.[1] ?? '')])
}

function membersOf(namespace: string, text: string): ReadonlySet<string> | 'all' {
  const uses = [...text.matchAll(new RegExp(`(?<![\\w.'"])${namespace}\\b(?!['"]|\\s*:)(?:\\.(\\w+))?`, 'g'))]
  return uses.every(([, member]) => member !== undefined) ? new Set(uses.map(([, member = '']) => member)) : 'all'
}

/** `undefined`: the text does not say here which names it takes. */
function namesOfCall(text: string, index: number, end: number): ReadonlySet<string> | undefined {
  const after = text.slice(end)
  const member =
    /^(?:\.|\[')(\w+)/.exec(after)?.[1] ??
    (/\(\s*await\s*$/.test(text.slice(0, index)) ? memberAfter(after) : undefined)
  if (member === 'then') {
    const taken = /^\.then\(\s*(?:async\s*)?\(\s*\{([^}]*)\}/.exec(after)?.[1]
    return taken === undefined ? undefined : new Set(namesInBraces(taken))
  }
  if (member !== undefined && member !== 'catch') return new Set([member])
  const single = /\{([^{}]*)\}\s*=\s*await\s+$/.exec(text.slice(0, index))?.[1]
  if (single !== undefined) return new Set(namesInBraces(single))
  return namesOfPlace(text, index)
}

/** `(await import('…')).name` */
function memberAfter(after: string): string | undefined {
  return /^\s*\)\s*\.(\w+)/.exec(after)?.[1]
}

/** `const [{ a }, { b }] = await Promise.all([import('…'), import('…')])`: the braces in the same place. */
function namesOfPlace(text: string, index: number): ReadonlySet<string> | undefined {
  const before = text.slice(0, index)
  const together = /\[((?:\s*\{[^{}]*\},?)+)\s*\]\s*=\s*await\s+Promise\.all\(\[([^\]]*)$/.exec(before)
  if (!together) return undefined
  const [, braces = '', earlier = ''] = together
  const place = [...earlier.matchAll(/\bimport\(/g)].length
  const taken = [...braces.matchAll(/\{([^{}]*)\}/g)][place]?.[1]
  return taken === undefined ? undefined : new Set(namesInBraces(taken))
}

/** `a, type B, c as d, e: f, g = 1` → a, B, c, e, g. */
function namesInBraces(list: string): string[] {
  return list.split(',').flatMap((entry) => /^\s*(?:type\s+)?(\w+)/.exec(entry)?.[1] ?? [])
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.match(/\w+/g))
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/[^\n]*/g, '')
}

/** `path: name` for each export of the judged files that no other file imports. Paths are absolute. */
export function needlessExports(
  files: readonly { path: string; text: string }[],
  isJudged: (path: string) => boolean,
): string[] {
  const used = new Set<string>()
  const whole = new Set<string>()
  for (const { path, text } of files) {
    for (const { specifier, names } of importedNamesOf(text)) {
      const target = resolve(dirname(path), specifier)
      if (!specifier.startsWith('.') || target === path) continue
      if (names === 'all') whole.add(target)
      else for (const name of names) used.add(`${target}: ${name}`)
    }
  }
  return files
    .filter(({ path }) => isJudged(path) && !whole.has(path))
    .flatMap(({ path, text }) => exportedNames(text).map((name) => `${path}: ${name}`))
    .filter((name) => !used.has(name))
}

function exportedNames(text: string): string[] {
  const found = text.matchAll(
    /^export (?:async )?(?:abstract )?(?:type|interface|enum|function\*?|const|let|class) (\w+)/gm,
  )
  return [...found].map(([, name = '']) => name)
}
