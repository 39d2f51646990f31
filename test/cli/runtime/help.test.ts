import { describe, expect, test } from 'vitest'
import { everyCommand, mintage } from '../../support/run-cli.ts'

const commands = everyCommand()

describe('help', () => {
  test.each(commands.map(({ words, isVerb }) => [['mintage', ...words].join(' '), words, isVerb] as const))(
    'of `%s` fits a screen of 80 × 24 and shows an example',
    async (name, words, isVerb) => {
      const { code, stdout } = await mintage([...words, '--help'])
      const lines = stdout.trimEnd().split('\n')
      expect(code).toBe(0)
      expect(lines.length).toBeLessThanOrEqual(24)
      expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80)
      expect(stdout).toMatch(/^Example:\n {2}\$ .*mintage/m)
      // An export prints data already.
      if (isVerb && name !== 'mintage audit export') expect(stdout).toMatch(/^ {2}--json /m)
      if (isVerb) expect(stdout.slice(stdout.indexOf('Example:'))).toContain(name)
    },
  )

  test('the first page lists every command', async () => {
    const { stdout } = await mintage(['--help'])
    const named: readonly string[] = stdout.match(/[a-z][a-z-]+/g) ?? []
    expect(
      commands
        .filter(({ words }) => words.length === 1)
        .map(({ words }) => words[0])
        .filter((name) => !named.includes(name ?? '')),
    ).toEqual([])
  })

  test('the first page lists --version, and no command uses that name', async () => {
    expect((await mintage(['--help'])).stdout).toContain('mintage --version')
    const misplaced = await mintage(['api-keys', 'revoke', 'key_1', '--version'])
    expect(misplaced).toMatchObject({ code: 2, stderr: expect.stringContaining("unknown option '--version'") })
  })

  test('no option accepts a credential, because other users can read the command line', async () => {
    for (const { words } of commands) {
      const { stdout } = await mintage([...words, '--help'])
      expect(stdout, words.join(' ')).not.toMatch(/--(api-key|key|secret|token|password|kek|pin)[ =<]/)
    }
  })
})
