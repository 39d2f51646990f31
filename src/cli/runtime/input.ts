import { CliError } from './failure.ts'

/** Standard input. It can be read once. */
export type Input = {
  /** A person types it. */
  readonly isTerminal: boolean
  /** UTF-8, as it comes. */
  pieces(): AsyncIterable<string>
}

const longestCredential = 64 * 1024

/**
 * Reads a key or a token, which must not be in a command line. Empty at a terminal: nobody would know that it waits.
 */
export async function readCredential(input: Input): Promise<string> {
  if (input.isTerminal) return ''
  let text = ''
  for await (const piece of input.pieces()) {
    text += piece
    if (text.length > longestCredential) throw new CliError('standard input is longer than any key')
  }
  return text
}

/** Reads all of it, where the file is `-`. */
export async function readAll(input: Input): Promise<string> {
  let text = ''
  for await (const piece of input.pieces()) text += piece
  return text
}
