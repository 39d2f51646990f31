import { execFileSync } from 'node:child_process'

/** Git in the folder, also if another user owns it, as in the container of a CI job. */
function git(folder: string, ...args: string[]): string {
  const words = ['-c', 'safe.directory=*', ...args]
  return execFileSync('git', words, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

/**
 * The commit before the one that added the file. Undefined in a copy of the project without that history; with CI=true
 * that is an error, because what needs the history would not be tested.
 */
export function commitBeforeFile(folder: string, file: string, env: NodeJS.ProcessEnv = process.env) {
  try {
    return git(folder, 'rev-parse', '--verify', `${git(folder, 'log', '-1', '--format=%H', '--', file)}^`)
  } catch (cause) {
    if (env.CI !== 'true') return undefined
    const todo =
      'Check out the whole history (git fetch --unshallow), so that older code is tested on the newest schema.'
    throw new Error(`with CI=true, the commit before ${file} is missing. ${todo}`, { cause })
  }
}
