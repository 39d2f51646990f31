import { type Command, CommanderError } from 'commander'
import { describe, expect, test } from 'vitest'
import { createProgram } from '../../src/cli/program.ts'
import { createCli } from '../../src/cli/runtime/command.ts'
import { nowhere } from '../support/run-cli.ts'
import { commandsOfDocs, commandsOfSources, type WrittenCommand } from '../support/written-commands.ts'

/** The program's error about a command; undefined if it would run. Parses arguments and options, and runs nothing. */
async function complaint({ words, mention }: WrittenCommand): Promise<string | undefined> {
  const program = createProgram(createCli(nowhere))
  if (mention && commandAt(program, words)) return undefined
  doNothing(program)
  try {
    await program.parseAsync([...words], { from: 'user' })
    return undefined
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? undefined : error.message
    throw error
  }
}

function commandAt(program: Command, words: readonly string[]): Command | undefined {
  return words.reduce<Command | undefined>((at, word) => at?.commands.find((child) => child.name() === word), program)
}

/** Commands that only have verbs have no action: without a verb they are wrong. */
function doNothing(command: Command): void {
  if (command.commands.length === 0 || command.name() === 'me') command.action(() => {})
  for (const child of command.commands) doNothing(child)
}

const readable = ({ at, words }: WrittenCommand) => [at, ['mintage', ...words].join(' ')] as const

describe('every command that people read is accepted by the program', () => {
  const docs = commandsOfDocs()
  const sources = commandsOfSources()

  test('in the docs', async () => {
    const refused = await Promise.all(docs.map(async (written) => [...readable(written), await complaint(written)]))
    expect(refused.filter(([, , message]) => message !== undefined)).toEqual([])
  })

  test('in hints, examples and errors', async () => {
    const refused = await Promise.all(sources.map(async (written) => [...readable(written), await complaint(written)]))
    expect(refused.filter(([, , message]) => message !== undefined)).toEqual([])
  })

  test('and enough of them are found', () => {
    expect(docs.length).toBeGreaterThan(80)
    expect(docs.filter(({ mention }) => !mention).length).toBeGreaterThan(30)
    expect(sources.length).toBeGreaterThan(80)
  })

  test.each<[string[], RegExp]>([
    [['api-keys', 'drop', 'key_1'], /unknown command 'drop'/],
    [['api-keys', 'show', '--verbose'], /unknown option '--verbose'/],
    [['api-keys', 'end-version', 'key_1'], /missing required argument 'version'/],
    [['api-keys', 'rotate', 'key_1', '--overlap', 'soon'], /it must be a number with s, m, h or d/],
    [['organizations', 'change-policy', 'org_1', '90d'], /it must be whole seconds, at least 60, or never/],
    [['revocations', 'create', '--kind', 'all', '--value', '*', '--reason', 'restore'], /Allowed choices are leaked/],
    [['revocations', 'create', '--kind', 'all'], /required option '--value <value>'/],
    [['me', 'rotate', 'now'], /too many arguments/],
  ])('%j is refused', async (words, message) => {
    expect(await complaint({ at: '', words, mention: false })).toMatch(message)
  })
})
