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
const code = reach(entries.map((entry) => join(root, entry.default)))
const types = reach(entries.map((entry) => join(root, entry.types)))

refuseOthers('code', code.packages, ['jose', 'hono', 'postgres'])
// An application without the driver must be able to check its types.
refuseOthers('types', types.packages, ['jose', 'hono'])

rmSync(kit, { recursive: true, force: true })
for (const file of [...code.files, ...types.files]) {
  const target = join(kit, relative(root, file))
  mkdirSync(dirname(target), { recursive: true })
  cpSync(file, target)
}
for (const file of ['LICENSE', 'docs/verifying.md'])
  cpSync(join(root, file), join(kit, file === 'LICENSE' ? file : 'README.md'))

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
      exports: {
        ...Object.fromEntries(subpaths.map((subpath, i) => [`./${subpath}`, entries[i]])),
        './package.json': './package.json',
      },
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

function refuseOthers(what: string, reached: ReadonlySet<string>, allowed: readonly string[]): void {
  const others = [...reached].filter((name) => !allowed.includes(name))
  if (others.length > 0) throw new Error(`the kit's ${what} would make its users install ${others.join(', ')}`)
}
