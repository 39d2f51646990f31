import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { createProgram } from '../../../src/cli/program.ts'
import { collectWords, wholeNumber } from '../../../src/cli/runtime/arguments.ts'
import { createCli } from '../../../src/cli/runtime/command.ts'
import { member, membersOf, withOptionNames } from '../../../src/cli/runtime/members.ts'
import { nowhere } from '../../support/run-cli.ts'

const newCommand = () =>
  new Command('test')
    .addOption(member('subject', '--subject <subject>'))
    .addOption(member('description', '--description <text>'))
    .addOption(member('scopes', '--scope <scope>', '', collectWords))
    .addOption(member('tokenAlgorithm', '--algorithm <algorithm>'))
    .addOption(member('filter.createdBefore', '--created-before <time>'))
    .addOption(member('expires_in', '--expires-in <seconds>', '', wholeNumber))
    .option('--no-subject')
    .option('--no-description')
    .option('--no-scope')
    .option('--revision <number>')

describe('an option that sets a member of the request', () => {
  test.each<[string[], object]>([
    [[], {}],
    [['--subject', 'robot', '--expires-in', '60'], { subject: 'robot', expires_in: 60 }],
    [['--scope', 'a', '--scope', 'b'], { scopes: ['a', 'b'] }],
    [['--created-before', '2027-01-01T00:00:00Z'], { filter: { createdBefore: '2027-01-01T00:00:00Z' } }],
    [['--no-subject', '--no-description', '--no-scope'], { subject: null, description: '', scopes: [] }],
    [['--revision', '2'], {}],
  ])('%j sends %j', (args, members) => {
    expect(membersOf(newCommand().parse(args, { from: 'user' }))).toEqual(members)
  })
})

describe('an error about a member names the option', () => {
  test.each([
    ['subject starts with a prefix.', '--subject starts with a prefix.'],
    ['tokenAlgorithm: it must be ES256.', '--algorithm: it must be ES256.'],
    ['scopes.0: it must not be empty.', '--scope: it must not be empty.'],
    ['"scopes" is missing.', '--scope is missing.'],
    ['No key of that tokenAlgorithm is active.', 'No key of that --algorithm is active.'],
    ['filter.createdBefore must be a time.', '--created-before must be a time.'],
    ['expires_in must be at most 3600.', '--expires-in must be at most 3600.'],
    ['It is wrong. subject is taken.', 'It is wrong. --subject is taken.'],
    ['The key has another subject.', 'The key has another subject.'],
    ['subjects and tokenAlgorithms are other words.', 'subjects and tokenAlgorithms are other words.'],
  ])('%s', (text, told) => {
    expect(withOptionNames(text, newCommand())).toBe(told)
  })

  test('in every command, for every option that it declares', () => {
    const verbs = (command: Command): Command[] => [command, ...command.commands.flatMap(verbs)]
    const options = verbs(createProgram(createCli(nowhere))).flatMap((command) =>
      command.options.flatMap((option) =>
        'member' in option && typeof option.member === 'string' ? [{ command, option, name: option.member }] : [],
      ),
    )
    expect(options.length).toBeGreaterThan(100)
    for (const { command, option, name } of options)
      expect(withOptionNames(`${name} is wrong.`, command)).toBe(`${option.long} is wrong.`)
  })
})
