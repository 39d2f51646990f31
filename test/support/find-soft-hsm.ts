import { existsSync } from 'node:fs'

const libraries = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
]

/** The library of softhsm2, if its package is installed. */
export function findSoftHsm(): string | undefined {
  return libraries.find((path) => existsSync(path))
}
