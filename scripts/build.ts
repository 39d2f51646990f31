import { spawnSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

// A file that is gone from src must be gone from the package.
rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true })
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
process.exitCode = status ?? 1

// Of Swagger UI only what the reference page loads, with its licences: the whole package is six times as large, and reports who installs it.
const swaggerUi = new URL('../node_modules/swagger-ui-dist/', import.meta.url)
for (const name of [
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'swagger-ui-bundle.js.LICENSE.txt',
  'LICENSE',
  'NOTICE',
]) {
  cpSync(new URL(name, swaggerUi), new URL(`../dist/node/swagger-ui/${name}`, import.meta.url))
}
