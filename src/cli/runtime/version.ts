import { readFileSync } from 'node:fs'
import { CliError } from './failure.ts'

/**
 * The version of the package. Its package.json is three folders up, in the sources (src/cli/runtime/) and installed
 * (dist/cli/runtime/).
 */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  if (typeof version !== 'string') throw new CliError('the package has no version', { hint: 'install it again' })
  return version
}
