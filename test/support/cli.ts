import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { keepForInspection } from './printed.ts'

export type CliRun = { readonly code: number; readonly stdout: string; readonly stderr: string }

export type CliOptions = {
  env?: Record<string, string>
  cwd?: string
  /** What stands on standard input; nothing unless told. */
  input?: string
}

const main = resolve(import.meta.dirname, '../../src/cli/main.ts')

/** Runs `mintage …` as a process of its own, with nothing of this process's environment but PATH. */
export function mintage(args: readonly string[], { env = {}, cwd = '/', input = '' }: CliOptions = {}): Promise<CliRun> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [main, ...args],
      { cwd, env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...env } },
      (error, stdout, stderr) => {
        keepForInspection(stderr)
        done({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr })
      },
    )
    child.stdin?.on('error', () => {}) // it may have ended without reading
    child.stdin?.end(input)
  })
}

/** What stands on the terminal afterwards, as in a manual: command, output, exit code. Ids and instants, which change, are folded. */
export function transcript(args: readonly string[], { code, stdout, stderr }: CliRun): string {
  const folded = (stdout + stderr)
    .replace(/\b(key|org|rev|evt)_[0-9a-f]{32}\b/g, '$1_…')
    .replace(/\bmk_(live|test)_[0-9A-Za-z]{49}\b/g, 'mk_$1_…')
    .replace(/http:\/\/127\.0\.0\.1:\d+/g, 'http://127.0.0.1:8787')
    .replace(/ +$/gm, '')
  return `$ mintage ${args.join(' ')}\n${folded}${code === 0 ? '' : `[${code}]\n`}`
}
