import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commitBeforeFile } from './support/history.ts'
import { temporaryFolder } from './support/service-process.ts'

const git = (cwd: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim()

/** Two commits: the second one adds the file. */
async function project(): Promise<{ folder: string; first: string }> {
  const folder = await temporaryFolder()
  git(folder, 'init', '--quiet')
  git(folder, 'commit', '--quiet', '--allow-empty', '--message', 'first')
  const first = git(folder, 'rev-parse', 'HEAD')
  writeFileSync(join(folder, 'new.sql'), 'select 1')
  git(folder, 'add', '.')
  git(folder, 'commit', '--quiet', '--message', 'second')
  return { folder, first }
}

test('the code before the newest migration is found in the history', async () => {
  const { folder, first } = await project()
  expect(commitBeforeFile(folder, 'new.sql')).toBe(first)
})

test('a copy without history, or with only the newest commit, has no such code', async () => {
  const { folder } = await project()
  const copy = await temporaryFolder()
  const shallow = join(copy, 'shallow')
  git(copy, 'clone', '--quiet', '--depth', '1', `file://${folder}`, shallow)
  for (const place of [copy, shallow]) expect(commitBeforeFile(place, 'new.sql')).toBeUndefined()
})
