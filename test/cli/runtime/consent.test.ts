import { describe, expect, test } from 'vitest'
import { createProgram } from '../../../src/cli/program.ts'
import { type Cli, createCli } from '../../../src/cli/runtime/command.ts'
import { type ConsentOptions, requireConsent } from '../../../src/cli/runtime/consent.ts'
import { UsageError } from '../../../src/cli/runtime/failure.ts'
import { withSpinner } from '../../../src/cli/runtime/progress.ts'
import type { Terminal } from '../../../src/cli/runtime/terminal.ts'
import { mintage, nowhere } from '../../support/run-cli.ts'

type Asked = { cli: Cli; asked: string[]; spun: string[] }

function cliWith(answer: boolean | 'no terminal'): Asked {
  const asked: string[] = []
  const spun: string[] = []
  const terminal: Terminal = {
    confirm: async (question) => {
      asked.push(question)
      return answer === true
    },
    spin: async (what, work) => {
      spun.push(what)
      return await work()
    },
  }
  const api = () => {
    throw new Error('no service is needed to ask a person')
  }
  return { cli: { ...nowhere, terminal: answer === 'no terminal' ? undefined : terminal, api }, asked, spun }
}

const question = 'Revoke all of them?'
const consent = (cli: Cli, options: ConsentOptions) => requireConsent(cli, options, question)

describe('before a command destroys something', () => {
  test('the person at the terminal is asked, and can refuse', async () => {
    const yes = cliWith(true)
    await consent(yes.cli, {})
    expect(yes.asked).toEqual([question])
    await expect(consent(cliWith(false).cli, {})).rejects.toThrow('nothing was done')
  })

  test('--yes and a dry run skip the question', async () => {
    const { cli, asked } = cliWith(false)
    await consent(cli, { yes: true })
    await consent(cli, { dryRun: true })
    expect(asked).toEqual([])
  })

  test('a script needs --yes', async () => {
    await expect(consent(cliWith('no terminal').cli, {})).rejects.toBeInstanceOf(UsageError)
    await consent(cliWith('no terminal').cli, { yes: true })
  })

  test('--json counts as a script, even at a terminal', async () => {
    const { cli, asked, spun } = cliWith(true)
    await expect(consent(cli, { json: true })).rejects.toBeInstanceOf(UsageError)
    await withSpinner(cli, { json: true }, 'working', async () => {})
    expect([...asked, ...spun]).toEqual([])
  })
})

test('a spinner is shown at a terminal, and the result is the same', async () => {
  const { cli, spun } = cliWith(true)
  expect(await withSpinner(cli, {}, 'working', async () => 7)).toBe(7)
  expect(spun).toEqual(['working'])
  expect(await withSpinner(cliWith('no terminal').cli, {}, 'working', async () => 7)).toBe(7)
})

describe('a command that ends keys or tokens, or goes past a safe time', () => {
  // Nothing listens at this address: a command that connects was not stopped.
  const env = { MINTAGE_URL: 'http://127.0.0.1:9', MINTAGE_API_KEY: 'any', MINTAGE_DATA_DIR: '/nowhere/at/all' }

  test.each([
    'api-keys disable key_1',
    'api-keys expire key_1',
    'api-keys revoke key_1',
    'api-keys delete key_1',
    'api-keys end-version key_1 1',
    'api-keys revoke-many --label ci',
    'organizations suspend org_1',
    'organizations revoke-all org_1',
    'service-accounts disable svc_1',
    'service-accounts delete svc_1',
    'revocations create --kind token --value jti',
    'revocations create --kind api_key --value key_1',
    'revocations create --kind all --value *',
    'revocations create --kind organization --value org_1',
    'revocations create --kind signing_key --value kid',
    'revocations lift rev_1',
    'signing-keys rotate --force',
    'signing-keys rotate --force --revoke-former',
    'signing-keys activate --force kid_1',
    'signing-keys replace --compromised',
    'kek abandon kek_1',
    'restored',
  ])('`mintage %s` asks at a terminal, and needs --yes in a script', async (command) => {
    const scripted = await mintage(command.split(' '), { env })
    expect(scripted).toMatchObject({ code: 2, stdout: '' })
    expect(scripted.stderr).toMatch(/^error: confirmation required: .*[?.]\nhint: add --yes\n$/)

    const { cli, asked } = cliWith(false)
    const declined = await mintage(command.split(' '), { env, terminal: cli.terminal })
    expect(declined).toEqual({ code: 1, stdout: '', stderr: 'error: nothing was done\n' })
    expect(asked).toHaveLength(1)
  })

  test.each(['signing-keys rotate', 'signing-keys activate kid_1'])(
    '`mintage %s` waits for the safe time, so it asks nothing',
    async (command) => {
      const { cli, asked } = cliWith(false)
      const run = await mintage(command.split(' '), { env, terminal: cli.terminal })
      expect(run.stderr).toContain('no answer from')
      expect(asked).toEqual([])
    },
  )

  test('shows with --dry-run what it would break, wherever it asks', () => {
    const asking = optionsOfVerbs().filter(({ options }) => options.includes('--yes'))
    expect(asking.length).toBeGreaterThan(15)
    const blind = asking.filter(({ options }) => !options.includes('--dry-run')).map(({ verb }) => verb)
    // These two end no tokens: a rule goes away, demo data is added.
    expect(blind).toEqual(['revocations lift', 'seed'])
  })
})

type Node = { name(): string; commands: readonly Node[]; options: readonly { long?: string | undefined }[] }

function optionsOfVerbs(): { verb: string; options: readonly (string | undefined)[] }[] {
  const walk = (command: Node, words: readonly string[]): ReturnType<typeof optionsOfVerbs> => [
    { verb: words.join(' '), options: command.options.map(({ long }) => long) },
    ...command.commands.flatMap((child) => walk(child, [...words, child.name()])),
  ]
  return walk(createProgram(createCli(nowhere)), [])
}
