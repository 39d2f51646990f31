import { execFileSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Import path → source of its entry. */
const entries = {
  mintage: 'src/index.ts',
  'mintage/node': 'src/node/index.ts',
  'mintage/verify': 'src/kit/verify.ts',
  'mintage/hono': 'src/kit/hono.ts',
  'mintage/revocation': 'src/kit/revocation/index.ts',
}
/** Imports of the kit's package, and the Worker, which has no functions to document. */
const moreEntries = {
  'mintage/worker': 'src/workers/main.ts',
  'mintage-kit/verify': entries['mintage/verify'],
  'mintage-kit/hono': entries['mintage/hono'],
  'mintage-kit/revocation': entries['mintage/revocation'],
}
const pages = ['README.md', 'src/kit/README.md', ...globSync('docs/**/*.md', { cwd: root })]

const functions = Object.values(entries).flatMap((entry) => publicFunctions(entry))
const examples = [
  ...functions.flatMap(({ name, docblock }) => codeBlocks(docblock.replace(/^ ?\* ?/gm, ''), name)),
  ...pages.flatMap((page) => codeBlocks(readFileSync(join(root, page), 'utf8'), page)),
]

let folder: string
let complaints = ''

beforeAll(() => {
  // Below node_modules, so that the examples find the packages of this project, and nothing else looks at them.
  mkdirSync(join(root, 'node_modules/.cache'), { recursive: true })
  folder = mkdtempSync(join(root, 'node_modules/.cache/examples-'))
  for (const [index, { text }] of examples.entries()) writeFileSync(join(folder, `${index}.ts`), `${text}\nexport {}\n`)
  const paths = Object.entries({ ...entries, ...moreEntries }).map(([name, entry]) => [name, [join(root, entry)]])
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { paths: Object.fromEntries(paths), allowImportingTsExtensions: true },
    include: [],
    files: examples.map((_, index) => `${index}.ts`),
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  try {
    execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
  } catch (error) {
    complaints = String(Object(error).stdout)
  }
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('examples', () => {
  test('of this project are found', () => {
    expect(functions.map(({ name }) => name)).toContain('createVerifier')
    expect(examples.length).toBeGreaterThan(15)
  })

  test.each(functions)('$name has one', ({ docblock }) => {
    expect(docblock).toMatch(/ \* @example\n \* ```ts\n/)
  })

  test.each(examples.map((example, index) => ({ ...example, index })))('of $of ($index) type-checks', ({ index }) => {
    const own = complaints.split('\n').filter((line) => line.replace(/^.*\//, '').startsWith(`${index}.ts(`))
    expect(own).toEqual([])
  })

  test('as a whole type-check', () => {
    expect(complaints).toBe('')
  })
})

type PublicFunction = { name: string; docblock: string }

/** The functions that an entry exports, by itself or from another file, with their docblocks. */
function publicFunctions(entry: string): PublicFunction[] {
  const path = join(root, entry)
  const text = readFileSync(path, 'utf8')
  const reexports = [...text.matchAll(/^export (?!type )\{([^}]*)\} from '([^']+)'/gm)].flatMap(
    ([, names = '', from = '']) => {
      const target = readFileSync(resolve(dirname(path), from), 'utf8')
      const values = names.split(',').map((name) => name.trim())
      return values.flatMap((name) => (name === '' || name.startsWith('type ') ? [] : documented(target, name)))
    },
  )
  const own = [...text.matchAll(/^export (?:async )?function (\w+)/gm)].flatMap(([, name = '']) =>
    documented(text, name),
  )
  return [...reexports, ...own]
}

/** Nothing for what is not a function. */
function documented(text: string, name: string): PublicFunction[] {
  const declaration = new RegExp(`^export (?:async )?function ${name}\\b`, 'm').exec(text)
  if (!declaration) return []
  const before = text.slice(0, declaration.index).trimEnd()
  const docblock = before.endsWith('*/') ? before.slice(before.lastIndexOf('/**')) : ''
  return [{ name, docblock }]
}

function codeBlocks(text: string, of: string): { of: string; text: string }[] {
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, block = '']) => ({ of, text: block }))
}
