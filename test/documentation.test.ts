import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** Names that the service itself does not read: those of the CLI, and of applications by convention. */
const readElsewhere = ['MINTAGE_URL', 'MINTAGE_API_KEY', 'MINTAGE_LEAKED_KEY', 'MINTAGE_REVOCATIONS_URL']

describe('every variable is documented', () => {
  const known = [
    ...[...read('src/config/environment.ts').matchAll(/^ {2}([A-Z][A-Z0-9_]+): /gm)].map(([, name]) => name),
    ...readElsewhere,
  ].sort()

  test('the configuration page has a row for each, and no other row', () => {
    const rows = [...read('docs/configuration.md').matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map(([, name]) => name)
    const inText = ['MINTAGE_REVOCATIONS_URL']
    expect([...rows, ...inText].sort()).toEqual(known)
    expect(read('docs/configuration.md')).toContain('`MINTAGE_REVOCATIONS_URL`')
  })

  test('the example file names each, and no other', () => {
    expect([...read('.env.example').matchAll(/^#([A-Z0-9_]+)=/gm)].map(([, name]) => name).sort()).toEqual(known)
  })
})

describe('pages fit together', () => {
  const pages = ['.', 'docs', 'docs/adr', 'docs/runbooks', 'src/kit', 'test/conformance', 'test/security']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
    .filter((path) => path.endsWith('.md'))

  test.each(pages)('%s has a title and a text', (page) => {
    expect(read(page)).toMatch(/^# \S.*\n\n[\s\S]{200,}/)
  })

  test('the newest entry of the changelog is the version of the package', () => {
    const { version } = JSON.parse(read('package.json'))
    expect(/^## (\S+)/m.exec(read('CHANGELOG.md'))?.[1]).toBe(version)
  })

  test('every folder of the repository that a text of the program names is in the package', () => {
    const { files } = JSON.parse(read('package.json'))
    const texts = globSync('src/**/*.ts', { cwd: root }).flatMap(
      (path) => read(path).match(/'[^'\n]*\bdocs\/[^'\n]*'/g) ?? [],
    )
    expect(texts.length).toBeGreaterThan(0)
    expect(files).toContain('docs')
  })

  test.each(pages)('the links of %s lead somewhere', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link]) => link ?? '')
    const dead = links.filter((link) => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? join(root, page) : join(root, dirname(page), path)
      return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor))
    })
    expect(dead).toEqual([])
  })

  test('every decision is in the index', () => {
    const decisions = readdirSync(join(root, 'docs/adr')).filter((name) => /^\d{4}-/.test(name))
    const index = read('docs/adr/README.md')
    expect(decisions.filter((name) => !index.includes(`(${name})`)).map((name) => relative(root, name))).toEqual([])
  })
})

/** Built from headings like on GitHub. */
function anchorsOf(path: string): string[] {
  const headings = readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm)
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .trim()
      .replaceAll(' ', '-'),
  )
}
