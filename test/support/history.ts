import { execFileSync } from 'node:child_process'

/** Git in the folder, also if another user owns it, as in the container of a CI job. */
function git(folder: string, ...args: string[]): string {
  const words = ['-c', 'safe.directory=*', ...args]
  return execFileSync('git', words, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

/**
 * The commit before the one that added the file. Undefined in a copy of the project without that history, such as a
 * source archive or a shallow clone: its tests run too, and say what they leave out.
 */
export function commitBeforeFile(folder: string, file: string): string | undefined {
  try {
    return git(folder, 'rev-parse', '--verify', `${git(folder, 'log', '-1', '--format=%H', '--', file)}^`)
  } catch {
    return undefined
  }
}
