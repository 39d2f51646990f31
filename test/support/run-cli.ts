import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { createProgram, run } from '../../src/cli/program.ts'
import { createCli } from '../../src/cli/runtime/command.ts'
import type { Surroundings } from '../../src/cli/runtime/surroundings.ts'
import type { Terminal } from '../../src/cli/runtime/terminal.ts'
import { keepForInspection } from './printed-credentials.ts'

export type CliRun = { readonly code: number; readonly stdout: string; readonly stderr: string }

export type CliOptions = {
  env?: Record<string, string>
  cwd?: string
  /** Standard input; empty by default. */
  input?: string
}

/** Runs `mintage …` in this process, isolated from its environment. `terminal` is a person who answers. */
export async function mintage(
  args: readonly string[],
  options: CliOptions & { terminal?: Terminal | undefined } = {},
): Promise<CliRun> {
  const stdout: string[] = []
  const stderr: string[] = []
  const code = await run(args, {
    ...nowhere,
    env: options.env ?? {},
    folder: options.cwd ?? '/',
    input: { isTerminal: false, pieces: () => piecesOf(options.input ?? '') },
    output: {
      write: (text) => void stdout.push(`${text}\n`),
      warn: (text) => void stderr.push(`${text}\n`),
    },
    terminal: options.terminal,
  })
  keepForInspection(stderr.join(''))
  return { code, stdout: stdout.join(''), stderr: stderr.join('') }
}

/** The entry of `mintage` in this repository. */
export const mainFile = resolve(import.meta.dirname, '../../src/cli/main.ts')

/**
 * Runs `mintage …` as a real process, with only PATH of this environment. For what only a process shows, such as
 * whether it ends: an open handle would keep it alive.
 */
export function mintageProcess(
  args: readonly string[],
  { env = {}, cwd = '/', input = '' }: CliOptions = {},
): Promise<CliRun> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [mainFile, ...args],
      { cwd, env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...env } },
      (error, stdout, stderr) => {
        keepForInspection(stderr)
        done({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr })
      },
    )
    child.stdin?.on('error', () => {}) // the process may have ended without reading
    child.stdin?.end(input)
  })
}

/**
 * What the terminal shows afterwards, as in a manual: command, output, exit code. Ids and times change, so they are
 * folded.
 */
export function transcript(args: readonly string[], { code, stdout, stderr }: CliRun): string {
  const folded = (stdout + stderr)
    .replace(/\b(key|org|rev|evt)_[0-9a-f]{32}\b/g, '$1_…')
    .replace(/\bmk_(live|test)_[0-9A-Za-z]{49}\b/g, 'mk_$1_…')
    .replace(/http:\/\/127\.0\.0\.1:\d+/g, 'http://127.0.0.1:8787')
    .replace(/ +$/gm, '')
  return `$ mintage ${args.join(' ')}\n${folded}${code === 0 ? '' : `[${code}]\n`}`
}

/**
 * `mintage …` with the same options each time. `shown` returns the transcript, `json` the answer of a command that must
 * succeed.
 */
export function commandsWith(options: () => CliOptions) {
  return {
    shown: async (...args: string[]): Promise<string> => transcript(args, await mintage(args, options())),
    async json(...args: string[]) {
      const { stdout, stderr, code } = await mintage([...args, '--json'], options())
      if (code !== 0) throw new Error(`mintage ${args.join(' ')} ended with ${code}: ${stderr}`)
      return JSON.parse(stdout)
    },
  }
}

/** Every command, as the words to type. The program itself is the empty list. Nouns have their verbs below them. */
export function everyCommand(): { words: readonly string[]; isVerb: boolean }[] {
  type Node = { name(): string; commands: readonly Node[] }
  const walk = (command: Node, words: readonly string[]): { words: readonly string[]; isVerb: boolean }[] => [
    { words, isVerb: command.commands.length === 0 },
    ...command.commands.flatMap((child) => walk(child, [...words, child.name()])),
  ]
  return walk(createProgram(createCli(nowhere)), [])
}

/** No environment, no files, no terminal, and output that goes nowhere. */
export const nowhere: Surroundings = {
  env: {},
  folder: '/nowhere',
  input: { isTerminal: false, pieces: () => piecesOf('') },
  output: { write() {}, warn() {} },
  terminal: undefined,
}

/** Like a pipe: a line may arrive in two pieces. */
async function* piecesOf(text: string): AsyncGenerator<string> {
  for (let place = 0; place < text.length; place += 1000) yield text.slice(place, place + 1000)
}
