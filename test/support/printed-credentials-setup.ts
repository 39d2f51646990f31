import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credentialsIn } from './printed-credentials.ts'

/** After the last test, fails the run if anything that the service printed contains an API key or a token (R138). */
export default async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'mintage-printed-'))
  const path = join(folder, 'printed.log')
  await writeFile(path, '')
  process.env.MINTAGE_TEST_PRINTED = path
  return async () => {
    const printed = await readFile(path, 'utf8')
    await rm(folder, { recursive: true, force: true })
    const found = credentialsIn(printed)
    console.log(`printed by the service during the run: ${printed.length} characters, ${found.length} credentials`)
    if (found.length === 0) return
    const [first = ''] = found
    const around = printed.slice(Math.max(0, printed.indexOf(first) - 200), printed.indexOf(first))
    console.error(`a credential was printed, after: ${around}`)
    process.exitCode = 1
  }
}
