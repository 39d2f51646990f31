import { readFileSync } from 'node:fs'
import { CliError } from './failure.ts'

/** The version of the package. Its package.json lies two folders above, both in the sources (src/cli/) and in what is installed (dist/cli/). */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  if (typeof version !== 'string') throw new CliError('the package names no version', { hint: 'install it again' })
  return version
}
