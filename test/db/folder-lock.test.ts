import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { lockFolder } from '../../src/db/folder-lock.node.ts'
import { releaseAfterFile } from '../support/cleanup.ts'
import { temporaryFolder } from '../support/service-process.ts'

const lockModule = new URL('../../src/db/folder-lock.node.ts', import.meta.url).href

test('a folder is free when its holder was killed, even before the dead process is reaped', async () => {
  const folder = await temporaryFolder()
  const hold = `import(process.env.LOCK).then(async ({ lockFolder }) => { await lockFolder(process.env.FOLDER); console.log(process.pid); setInterval(() => {}, 1000) })`
  // The shell becomes a program that never reaps its child, as the first process of a container may.
  const parent = spawn('sh', ['-c', `"$NODE" -e "$HOLD" & exec sleep 60`], {
    env: { NODE: process.execPath, HOLD: hold, LOCK: lockModule, FOLDER: folder, PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  releaseAfterFile(async () => void parent.kill('SIGKILL'))
  const [pid] = await once(parent.stdout, 'data')
  await expect(lockFolder(folder)).rejects.toThrow(/is in use by process \d+/)
  process.kill(Number(String(pid)), 'SIGKILL')
  await expect.poll(() => lockFolder(folder).then(() => 'free', String), { timeout: 60_000 }).toBe('free')
})
