import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

// `npm run check`: everything that must hold before a change is merged. Runs all steps, prints the time of each, and
// names the failed ones.

const root = fileURLToPath(new URL('..', import.meta.url))
const { values: options } = parseArgs({ options: { 'skip-tests': { type: 'boolean', default: false } } })

const steps: [name: string, command: string, ...args: string[]][] = [
  ['format and lint', 'biome', 'check', '--error-on-warnings', '.'],
  ['types', 'tsc'],
  ['tests', 'npm', 'test', '--silent'],
  ['tests with real neighbours', 'npm', 'run', '--silent', 'test:systems'],
  ['build both packages', 'npm', 'run', '--silent', 'build:kit'],
  ['package', 'publint', '--strict'],
  ['package types', 'attw', '--pack', '.', '--profile', 'esm-only', '--no-summary'],
  ['kit', 'publint', '--strict', 'dist-kit'],
  ['kit types', 'attw', '--pack', 'dist-kit', '--profile', 'esm-only', '--no-summary'],
]

const failed = steps
  .filter(([name]) => !(name.startsWith('tests') && options['skip-tests']))
  .filter(([name, command, ...args]) => {
    console.log(`\n== ${name}`)
    const started = performance.now()
    const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
    if (error) console.error(error.message)
    console.log(`== ${name}: ${Math.round((performance.now() - started) / 1000)} s`)
    return status !== 0
  })
  .map(([name]) => name)

console.log(failed.length === 0 ? '\nall checks passed' : `\nfailed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
