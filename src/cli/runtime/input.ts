import { CliError } from './failure.ts'

/** Standard input. It can be read once. */
export type Input = {
  /** Somebody sits there and types. */
  readonly isTerminal: boolean
  /** UTF-8, as it comes. */
  pieces(): AsyncIterable<string>
}

const longestCredential = 64 * 1024

/** A key or a token: what must not stand in a command line. Empty at a terminal, where nobody would know that something is awaited. */
export async function readCredential(input: Input): Promise<string> {
  if (input.isTerminal) return ''
  let text = ''
  for await (const piece of input.pieces()) {
    text += piece
    if (text.length > longestCredential) throw new CliError('there is more on standard input than any key needs')
  }
  return text
}

/** All of it, for whoever asked for the file `-`. */
export async function readAll(input: Input): Promise<string> {
  let text = ''
  for await (const piece of input.pieces()) text += piece
  return text
}
