import { describe, expect, test } from 'vitest'
import type { Cli } from '../../../src/cli/runtime/command.ts'
import { busy, type ConsentOptions, requireConsent } from '../../../src/cli/runtime/consent.ts'
import { UsageError } from '../../../src/cli/runtime/failure.ts'
import type { Terminal } from '../../../src/cli/runtime/terminal.ts'
import { mintage, nowhere } from '../../support/run-cli.ts'

type Asked = { cli: Cli; asked: string[]; turned: string[] }

function cliWith(answer: boolean | 'nobody'): Asked {
  const asked: string[] = []
  const turned: string[] = []
  const terminal: Terminal = {
    confirm: async (question) => {
      asked.push(question)
      return answer === true
    },
    spin: async (what, work) => {
      turned.push(what)
      return await work()
    },
  }
  const api = () => {
    throw new Error('no service is needed to ask a person')
  }
  return { cli: { ...nowhere, terminal: answer === 'nobody' ? undefined : terminal, api }, asked, turned }
}

const question = 'Revoke all of them?'
const consent = (cli: Cli, options: ConsentOptions, dangerous = true) =>
  requireConsent(cli, options, { question, dangerous })

describe('before something is destroyed', () => {
  test('the person at the terminal is asked, and a no ends it', async () => {
    const yes = cliWith(true)
    await consent(yes.cli, {})
    expect(yes.asked).toEqual([question])
    await expect(consent(cliWith(false).cli, {})).rejects.toThrow('nothing was done')
  })

  test('nobody is asked with --yes, nor in a dry run', async () => {
    const { cli, asked } = cliWith(false)
    await consent(cli, { yes: true })
    await consent(cli, { dryRun: true })
    expect(asked).toEqual([])
  })

  test('a script says --yes for what is dangerous, and needs not for the rest', async () => {
    await expect(consent(cliWith('nobody').cli, {})).rejects.toBeInstanceOf(UsageError)
    await consent(cliWith('nobody').cli, { yes: true })
    await consent(cliWith('nobody').cli, {}, false)
  })

  test('--json is a script, even when somebody started it by hand', async () => {
    const { cli, asked, turned } = cliWith(true)
    await expect(consent(cli, { json: true })).rejects.toBeInstanceOf(UsageError)
    await busy(cli, { json: true }, 'working', async () => {})
    expect([...asked, ...turned]).toEqual([])
  })
})

test('a wheel turns for whoever watches, and the result is the same', async () => {
  const { cli, turned } = cliWith(true)
  expect(await busy(cli, {}, 'working', async () => 7)).toBe(7)
  expect(turned).toEqual(['working'])
  expect(await busy(cliWith('nobody').cli, {}, 'working', async () => 7)).toBe(7)
})

describe('what nobody should do by a slip', () => {
  // Nothing answers at this address: who gets that far was not stopped.
  const env = { MINTAGE_URL: 'http://127.0.0.1:9', MINTAGE_API_KEY: 'any', MINTAGE_DATA_DIR: '/nowhere/at/all' }

  test.each([
    'api-keys revoke-many --label ci',
    'organizations revoke-all org_1',
    'revocations create --kind all --value *',
    'revocations create --kind organization --value org_1',
    'revocations create --kind signing_key --value kid',
    'kek abandon kek_1',
    'restored',
  ])('`mintage %s` asks at a terminal, and wants --yes from a script', async (command) => {
    const scripted = await mintage(command.split(' '), { env })
    expect(scripted).toMatchObject({ code: 2, stdout: '' })
    expect(scripted.stderr).toMatch(/^error: nobody is here to answer: .*[?.]\nhint: add --yes if it is meant\n$/)

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
  ])('`mintage %s` asks at a terminal, and does it in a script', async (command) => {
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
