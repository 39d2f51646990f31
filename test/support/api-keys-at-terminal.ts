import { expect } from 'vitest'
import type { Terminal } from '../../src/cli/runtime/terminal.ts'
import { serveFromFolder } from './listening-service.ts'
import { mintage, transcript } from './run-cli.ts'

/** A service on a port, and a person who works with API keys in the folder of its first start. */
export async function apiKeysAtTerminal() {
  const started = await serveFromFolder()
  const { folder } = started

  /** What the terminal shows, with the id of this key folded. */
  async function shown(...args: string[]): Promise<string> {
    const text = transcript(args, await mintage(args, { cwd: folder }))
    return text.replaceAll(/key_[0-9a-f]{32}/g, 'key_…')
  }

  async function json(...args: string[]) {
    const { stdout, stderr, code } = await mintage([...args, '--json'], { cwd: folder })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return JSON.parse(stdout)
  }

  /** The questions that a person at the terminal is asked. */
  async function asked(args: readonly string[], answer = false): Promise<string[]> {
    const questions: string[] = []
    const terminal: Terminal = {
      confirm: async (question) => {
        questions.push(question)
        return answer
      },
      spin: async (_, work) => await work(),
    }
    const { code } = await mintage(args, { cwd: folder, terminal })
    expect(code).toBe(questions.length > 0 && !answer ? 1 : 0)
    return questions
  }

  return {
    ...started,
    shown,
    json,
    asked,
    create: async (...args: string[]): Promise<{ apiKey: { id: string }; secret: string }> =>
      await json('api-keys', 'create', 'orders', ...args),
  }
}
