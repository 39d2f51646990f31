import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readTrailLine } from '../../src/audit/verify/reader.ts'
import { exportTrail, verifyTrail } from '../support/audit-trail.ts'
import { temporaryFolder } from '../support/service-process.ts'
import { startTestService } from '../support/test-service.ts'

const page = readFileSync(new URL('../../docs/audit.md', import.meta.url), 'utf8')

test('the program in docs/audit.md recomputes the chain', async () => {
  const service = await startTestService()
  const headers = { 'X-API-Key': service.rootKey, 'Content-Type': 'application/json', 'User-Agent': 'Grüße/1' }
  await service.request('/v1/api-keys', { method: 'POST', headers, body: '{"name":"Zoë 😀"}' })
  const lines = await exportTrail(service)
  const folder = await temporaryFolder()
  const [, program = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? []
  await writeFile(join(folder, 'recompute.mjs'), program)
  await writeFile(join(folder, 'trail.jsonl'), `${lines.join('\n')}\n`)
  const run = (file: string) =>
    execFileSync(process.execPath, ['recompute.mjs', file], { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
  expect(run('trail.jsonl')).toBe(`the chain ends with ${(await verifyTrail(lines)).head.hash}\n`)
  await writeFile(join(folder, 'edited.jsonl'), lines.join('\n').replace('Zoë', 'Zoe'))
  expect(() => run('edited.jsonl')).toThrow('does not give its hash')
})

test('the tables in docs/audit.md list every kind of line and of fault', () => {
  const faults = readFileSync(new URL('../../src/audit/verify/fault.ts', import.meta.url), 'utf8').matchAll(
    /^ {2}\| '(\w+)'$/gm,
  )
  for (const [, fault] of faults) expect(page).toMatch(new RegExp(`^\\|.*\`${fault}\`.*\\|`, 'm'))
  for (const kind of ['export', 'record_keys', 'checkpoint', 'event', 'link']) {
    expect(page).toMatch(new RegExp(`^\\| \`${kind}\` \\|`, 'm'))
    expect(readTrailLine(`{"kind":"${kind}"}`)).not.toMatch(/does not know/)
  }
})
