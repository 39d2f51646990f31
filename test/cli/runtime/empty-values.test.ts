import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { createProgram } from '../../../src/cli/program.ts'
import { createCli } from '../../../src/cli/runtime/command.ts'
import { mintage, nowhere } from '../../support/run-cli.ts'

type Verb = { words: readonly string[]; command: Command }

function verbsOf(command: Command, words: readonly string[] = []): Verb[] {
  const children = command.commands.flatMap((child) => verbsOf(child, [...words, child.name()]))
  return children.length === 0 ? [{ words, command }] : children
}
const verbs = verbsOf(createProgram(createCli(nowhere)))

/** Arguments and options without which the verb does not run. */
const argumentsOf = ({ command }: Verb) => command.registeredArguments.map(({ argChoices }) => argChoices?.[0] ?? '60')
const mandatoryOf = ({ command }: Verb, except: string) =>
  command.options.flatMap(({ mandatory, long, argChoices }) =>
    mandatory && long && long !== except && !command.getOptionValue(long.slice(2))
      ? [long, argChoices?.[0] ?? '1']
      : [],
  )

describe('an empty value of an option is refused before anything is sent', () => {
  const options = verbs.flatMap((verb) =>
    verb.command.options
      .filter((option) => option.required && option.long !== '--description')
      .map(({ long }) => ({ verb, long: long ?? '', name: ['mintage', ...verb.words, long].join(' ') })),
  )

  test('there are many of them', () => {
    expect(options.length).toBeGreaterThan(120)
  })

  test.each(options)("$name ''", async ({ verb, long }) => {
    const run = await mintage([...verb.words, ...argumentsOf(verb), ...mandatoryOf(verb, long), long, ''])
    expect(run.stderr).toMatch(new RegExp(`^error: ${long} must (not be empty|be)\\b`))
    expect(run.code).toBe(2)
  })
})

describe('an empty argument is refused before anything is sent', () => {
  const places = verbs.flatMap((verb) =>
    verb.command.registeredArguments.map((argument, place) => ({
      verb,
      place,
      argument: argument.name(),
      name: ['mintage', ...verb.words, `<${argument.name()}>`].join(' '),
    })),
  )

  test.each(places)('$name', async ({ verb, place, argument }) => {
    const given = argumentsOf(verb).map((value, index) => (index === place ? '' : value))
    const run = await mintage([...verb.words, ...given, ...mandatoryOf(verb, '')])
    expect(run.stderr).toMatch(new RegExp(`^error: <${argument}> must (not be empty|be)\\b`))
    expect(run.code).toBe(2)
  })
})

test('an empty scope does not become a token with every scope of the key', async () => {
  const { stderr, code } = await mintage(['token', '--scope', ''])
  expect(stderr).toBe(
    'error: --scope must not be empty. Leave the option out, or give a value\nhint: mintage token --help\n',
  )
  expect(code).toBe(2)
})
