import { spawnSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

// Remove files that no longer exist in src.
rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true })
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
process.exitCode = status ?? 1

// Copies only the files of Swagger UI that the reference page loads, and its licences: the whole package is six times
// larger and reports installs.
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

// tsc does not copy the reference page's own files.
for (const name of ['index.html', 'style.css', 'start.js']) {
  cpSync(new URL(`../src/http/docs/${name}`, import.meta.url), new URL(`../dist/http/docs/${name}`, import.meta.url))
}
