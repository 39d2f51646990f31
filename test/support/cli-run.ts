import { createCli } from '../../src/cli/command.ts'
import { createProgram, run } from '../../src/cli/program.ts'
import type { Terminal } from '../../src/cli/terminal.ts'

export type InProcessRun = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** Runs a command inside this process: for what needs neither standard input nor an environment of its own, or a person who answers. */
export async function runInProcess(args: readonly string[], env: Record<string, string> = {}, terminal?: Terminal): Promise<InProcessRun> {
  const stdout: string[] = []
  const stderr: string[] = []
  const code = await run(args, env, { write: (text) => void stdout.push(text), warn: (text) => void stderr.push(text) }, terminal)
  return { code, stdout: stdout.map((text) => `${text}\n`).join(''), stderr: stderr.map((text) => `${text}\n`).join('') }
}

/** Every command that there is, as the words to type; the program itself is the empty list. Nouns have verbs below them. */
export function everyCommand(): { words: readonly string[]; isVerb: boolean }[] {
  const silent = { write() {}, warn() {} }
  type Node = { name(): string; commands: readonly Node[] }
  const walk = (command: Node, words: readonly string[]): { words: readonly string[]; isVerb: boolean }[] => [
    { words, isVerb: command.commands.length === 0 },
    ...command.commands.flatMap((child) => walk(child, [...words, child.name()])),
  ]
  return walk(createProgram(createCli({}, silent, undefined)), [])
}
