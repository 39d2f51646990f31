import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Makes dist-kit/, the package `mintage-kit`: the folder dist/kit of a new build, its README, and nothing else.
// docs/adr/0006 says why it has this form; test/architecture.test.ts keeps the folder's imports inside it.

const root = fileURLToPath(new URL('..', import.meta.url))
const target = join(root, 'dist-kit')
const subpaths = ['verify', 'hono', 'revocation']

type Manifest = {
  exports: Record<string, object>
  peerDependencies: Record<string, string>
  dependencies: Record<string, string>
} & Record<'version' | 'license' | 'author' | 'type' | 'engines' | 'keywords', unknown>

const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const { status } = spawnSync(process.execPath, [join(root, 'scripts/build.ts')], { cwd: root, stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

rmSync(target, { recursive: true, force: true })
mkdirSync(target)
cpSync(join(root, 'dist/kit'), join(target, 'dist/kit'), { recursive: true })
cpSync(join(root, 'LICENSE'), join(target, 'LICENSE'))
cpSync(join(root, 'src/kit/README.md'), join(target, 'README.md'))
cpSync(join(root, 'CHANGELOG.md'), join(target, 'CHANGELOG.md'))
writeFileSync(join(target, 'package.json'), `${JSON.stringify(kitManifest(manifest), null, 2)}\n`)

function kitManifest({ version, license, author, type, engines, keywords, ...whole }: Manifest): object {
  return {
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
      ...Object.fromEntries(subpaths.map((subpath) => [`./${subpath}`, whole.exports[`./${subpath}`]])),
      './package.json': './package.json',
    },
    files: ['dist', 'CHANGELOG.md'],
    // A range: the application may depend on jose itself, and one copy is enough.
    dependencies: { jose: `^${whole.dependencies.jose}` },
    peerDependencies: { hono: whole.peerDependencies.hono, postgres: `^${whole.dependencies.postgres}` },
    peerDependenciesMeta: { hono: { optional: true }, postgres: { optional: true } },
  }
}
