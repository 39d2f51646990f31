import { cpSync, readFileSync, symlinkSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { releaseAfterFile } from '../support/cleanup.ts'
import { eventually, temporaryFolder } from '../support/service-process.ts'
import { startShell } from '../support/shell.ts'

const root = resolve(import.meta.dirname, '../..')
const section = /^## Try it\n([\s\S]*?)^## /m.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1] ?? ''
/** The code blocks in the order of the page: what to type, and what is printed. */
const blocks = [...section.matchAll(/^ *```(sh|json)\n([\s\S]*?)^ *```$/gm)].map(([, language, text = '']) => ({
  language,
  text: text.replace(/^ {3}/gm, '').trim(),
}))

let folder: string

/** A clone as a newcomer has it after `npm ci`. */
beforeAll(async () => {
  folder = await temporaryFolder()
  const made = new Set(['.git', '.mintage', 'coverage', 'dist', 'dist-kit', 'node_modules', 'reports'])
  cpSync(root, folder, { recursive: true, filter: (path) => !made.has(relative(root, path)) })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
})

/** Runs in the background, as in a terminal of its own, until it prints the text. */
async function terminal(command: string, until: string): Promise<void> {
  const shell = startShell(command, folder)
  releaseAfterFile(() => shell.stop())
  await eventually(async () => {
    if (shell.hasEnded()) throw new Error(shell.printed())
    return shell.printed().includes(until)
  })
}

describe('README, pasted from top to bottom', () => {
  test('starts the service, protects a route, revokes a key and shows the refusal', async () => {
    const typed = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text)
    const [start = '', example = '', call = '', revoke = '', create = ''] = typed
    expect(start).toBe('npm ci && npm start')
    await terminal(start.replace('npm ci && ', ''), 'Mintage is listening on http://localhost:8787')
    await terminal(example, 'orders on http://localhost:3000')

    // One terminal: later blocks use variables of earlier ones.
    const shell = startShell([call, 'echo', revoke, 'echo', create].join('\n'), folder)
    await shell.ended
    const printed = shell.printed()
    const answers = [...printed.matchAll(/\{.*\}/g)].map(([answer]) => withoutId(answer))
    const promised = blocks.filter(({ language }) => language === 'json').map(({ text }) => withoutId(text))
    expect(promised).toHaveLength(2)
    expect(answers, printed).toEqual(promised)
    expect(printed).toContain('and all its tokens')
    expect(printed).toMatch(/\bmk_test_[0-9A-Za-z]{49}\b/)
  })
})

const withoutId = (text: string) => text.replace(/key_[0-9a-f]{32}/, 'key_…')
