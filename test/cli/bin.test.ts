import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const manifest = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'))

/** Runs the installed program on a Node.js that says it has this version. */
async function runOn(version: string) {
  const claim = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  const args = ['--import', `data:text/javascript,${encodeURIComponent(claim)}`, 'src/cli/bin.ts', '--version']
  const env = { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }
  return await promisify(execFile)(process.execPath, args, { cwd: root, env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  )
}

describe('the installed program', () => {
  test.each(['18.20.4', '20.20.2', '22.11.0'])('on Node.js %s says which version it needs', async (version) => {
    expect(await runOn(version)).toEqual({
      code: 1,
      stdout: '',
      stderr: `error: this is Node.js ${version}, and 22.12 or newer is needed\nhint: install a newer Node.js from https://nodejs.org\n`,
    })
  })

  test.each(['22.12.0', '23.0.0', '24.21.0'])('runs on Node.js %s', async (version) => {
    expect(await runOn(version)).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
  })

  test('needs the version that the package declares, and has no import that an old Node.js would load first', () => {
    expect(manifest.engines.node).toBe('>=22.12')
    expect(manifest.bin.mintage).toBe('dist/cli/bin.js')
    expect(readFileSync(resolve(root, 'src/cli/bin.ts'), 'utf8')).not.toMatch(/^import /m)
  })
})
