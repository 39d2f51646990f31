import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { reach } from './import-graph.ts'

// Makes dist-kit/: the package `mintage-kit`, cut out of what `npm run build` made. docs/adr/0006 says why it has this form.

const root = fileURLToPath(new URL('..', import.meta.url))
const kit = join(root, 'dist-kit')
const subpaths = ['verify', 'hono', 'revocation']

type Manifest = {
  exports: Record<string, { types: string; default: string }>
  peerDependencies: Record<string, string>
  dependencies: Record<string, string>
} & Record<'version' | 'license' | 'author' | 'type' | 'engines' | 'keywords', unknown>

const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = subpaths.map((subpath) => manifest.exports[`./${subpath}`]).filter((entry) => entry !== undefined)
const { files, packages } = reach(entries.flatMap((entry) => [join(root, entry.types), join(root, entry.default)]))

const allowed: Record<string, 'dependency' | 'optional peer'> = { jose: 'dependency', hono: 'optional peer', postgres: 'optional peer' }
const surplus = [...packages].filter((name) => !(name in allowed))
if (surplus.length > 0) throw new Error(`the kit reaches packages that its users would have to install: ${surplus.join(', ')}`)

rmSync(kit, { recursive: true, force: true })
for (const file of files) {
  const target = join(kit, relative(root, file))
  mkdirSync(dirname(target), { recursive: true })
  cpSync(file, target)
}
for (const file of ['LICENSE', 'docs/verifying.md']) cpSync(join(root, file), join(kit, file === 'LICENSE' ? file : 'README.md'))

const { version, license, author, type, engines, keywords } = manifest
const jose = manifest.dependencies.jose
writeFileSync(
  join(kit, 'package.json'),
  `${JSON.stringify(
    {
      name: 'mintage-kit',
      version,
      description: 'Verify Mintage access tokens and follow the revocation list, without the server.',
      keywords,
      license,
      author,
      type,
      engines,
      sideEffects: false,
      exports: { ...Object.fromEntries(subpaths.map((subpath, i) => [`./${subpath}`, entries[i]])), './package.json': './package.json' },
      files: ['dist'],
      // A range: the application may have a jose of its own, and one copy is enough.
      dependencies: { jose: `^${jose}` },
      peerDependencies: { hono: manifest.peerDependencies.hono, postgres: `^${manifest.dependencies.postgres}` },
      peerDependenciesMeta: { hono: { optional: true }, postgres: { optional: true } },
    },
    null,
    2,
  )}\n`,
)
