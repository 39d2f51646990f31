import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { TestProject } from 'vitest/node'
import { findPgBouncer } from './pgbouncer.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the browser; null where none is installed. */
    chromium: string | null
    /** Whether Debian's `jose`, an independent implementation in C, is installed. */
    joseCommand: boolean
    /** Whether Go and Debian's package of go-oidc are installed. */
    goOidc: boolean
    /** Path of PgBouncer; null where it is not installed. */
    pgBouncer: string | null
  }
}

const chromiumPaths = [
  '/usr/bin/chromium',
  '/usr/local/bin/chromium',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

const goOidcSource = '/usr/share/gocode/src/github.com/coreos/go-oidc'

/**
 * Runs once before the tests in test/systems, and prints which neighbours it found. With CI=true, a missing one is an
 * error.
 */
export default function setup(project: TestProject): void {
  const chromium = chromiumPaths.find((path) => existsSync(path)) ?? null
  const joseCommand = spawnSync('jose', ['alg']).status === 0
  project.provide('chromium', chromium)
  project.provide('joseCommand', joseCommand)
  const goOidc = existsSync(goOidcSource) && spawnSync('go', ['version']).status === 0
  project.provide('goOidc', goOidc)
  report(
    'go-oidc',
    goOidc ? goOidcSource : null,
    'golang-go and golang-github-coreos-go-oidc-dev are not installed: discovery is not tested with go-oidc',
  )
  const pgBouncer = findPgBouncer()
  project.provide('pgBouncer', pgBouncer)
  report('PgBouncer', pgBouncer, 'pgbouncer is not installed: the service is not tested behind it')
  report('browser', chromium, 'chromium is not installed: the reference page is not tested in a browser')
  report('jose', joseCommand ? 'jose' : null, 'jose is not installed: thumbprints are not compared with it')
}

function report(name: string, found: string | null, missing: string): void {
  if (found === null && process.env.CI === 'true') throw new Error(`with CI=true, ${missing}`)
  console.log(`${name}: ${found ?? missing}`)
}
