import { describe, expect, test } from 'vitest'
import { wordsOfCommander } from '../../../src/cli/runtime/commander-words.ts'
import { everyCommand, mintage } from '../../support/run-cli.ts'

describe('a fault of the command line', () => {
  test.each([
    ['api-keys create a --requests-per-minute x', '--requests-per-minute must be a whole number'],
    ['api-keys create a --environment prod', '--environment must be one of: live, test'],
    ['api-keys create a --scope', '--scope needs a value'],
    ['api-keys end-version key_x zero', '<version> must be a whole number'],
    ['api-keys rotate', '<id> is missing'],
    ['api-keys rotate a b', 'too many arguments: rotate takes 1, and there are 2'],
    ['organizations change-policy org_x 5', '<seconds> must be whole seconds, at least 60, or never'],
    ['api-keys rotate a --cancel --overlap 1h', '--cancel cannot be used with --overlap'],
    ['api-keys rotate a --name b --cancel', '--cancel cannot be used with --name'],
    ['me rotate --cancel --overlap 0', '--cancel cannot be used with --overlap'],
    ['api-keys list --limit x', '--limit must be a whole number'],
  ])('names the option or the argument, and not the parser: mintage %s', async (typed, words) => {
    const { code, stderr } = await mintage(typed.split(' '))
    expect([code, stderr.split('\n')[0]]).toEqual([2, `error: ${words}`])
  })

  test('never repeats the value that was typed', () => {
    const value = "it's a\n'secret' is invalid. x"
    for (const message of [
      `error: option '--limit <n>' argument '${value}' is invalid. it must be a whole number.`,
      `error: command-argument value '${value}' is invalid for argument 'version'. it must be a whole number.`,
      `error: too many arguments for 'show'. Expected 1 argument but got 2: a, ${value}.`,
    ]) {
      expect(wordsOfCommander(message)).not.toContain('secret')
    }
  })

  test('is said in our words for every command with too many arguments', async () => {
    for (const { words, isVerb } of everyCommand().filter(({ isVerb: verb }) => verb)) {
      const { stderr } = await mintage([...words, ...Array.from({ length: 5 }, () => 'a'), '--no-such-option'])
      expect(isVerb && /argument '|is invalid|Allowed choices|Expected \d/.test(stderr), stderr).toBe(false)
    }
  })
})
