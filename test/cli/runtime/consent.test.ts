import { describe, expect, test } from 'vitest'
import type { Cli } from '../../../src/cli/runtime/command.ts'
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
const consent = (cli: Cli, options: ConsentOptions, dangerous = true) =>
  requireConsent(cli, options, { question, dangerous })

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

  test('a script needs --yes only for dangerous commands', async () => {
    await expect(consent(cliWith('no terminal').cli, {})).rejects.toBeInstanceOf(UsageError)
    await consent(cliWith('no terminal').cli, { yes: true })
    await consent(cliWith('no terminal').cli, {}, false)
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

describe('a command that destroys something', () => {
  // Nothing listens at this address: a command that connects was not stopped.
  const env = { MINTAGE_URL: 'http://127.0.0.1:9', MINTAGE_API_KEY: 'any', MINTAGE_DATA_DIR: '/nowhere/at/all' }

  test.each([
    'api-keys revoke-many --label ci',
    'organizations revoke-all org_1',
    'revocations create --kind all --value *',
    'revocations create --kind organization --value org_1',
    'revocations create --kind signing_key --value kid',
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

  test.each([
    'api-keys revoke key_1',
    'revocations lift rev_1',
    'organizations suspend org_1',
    'service-accounts delete svc_1',
  ])('`mintage %s` asks at a terminal, and runs in a script', async (command) => {
    const { cli, asked } = cliWith(false)
    expect(await mintage(command.split(' '), { env, terminal: cli.terminal })).toMatchObject({
      code: 1,
      stderr: 'error: nothing was done\n',
    })
    expect(asked).toHaveLength(1)
    expect(await mintage(command.split(' '), { env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no answer from'),
    })
  })
})
