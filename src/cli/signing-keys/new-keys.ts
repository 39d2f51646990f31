import type { Command } from 'commander'
import { algorithms } from '../../signing-keys/signer.ts'
import type { SigningKeyView } from '../../signing-keys/view.ts'
import { type Cli, type JsonOption, verb } from '../runtime/command.ts'
import { CliError, UsageError } from '../runtime/failure.ts'
import { readCredential } from '../runtime/input.ts'
import { notJson, readJsonText } from '../runtime/json-text.ts'
import { member, membersOf } from '../runtime/members.ts'
import { signingKeysPath } from './path.ts'
import { printKey } from './print-key.ts'

export function addNewKeyVerbs(signingKeys: Command, cli: Cli): void {
  const summary = 'import a private key as the next one'
  const importKey = verb(signingKeys, 'import', summary, 'mintage signing-keys import < key.pem')
    .addOption(member('purpose', '--purpose <purpose>', 'what it signs').choices(['token', 'record']).default('token'))
    .addOption(
      member('algorithm', '--algorithm <algorithm>', "signing algorithm (default: the key's)").choices(algorithms),
    )
  importKey.action(async (options: JsonOption) => {
    const body = { ...membersOf(importKey), ...(await readKey(cli)) }
    printKey(
      cli,
      options,
      await cli.api().post<SigningKeyView>(`${signingKeysPath}/import`, 'import the signing key', body),
    )
    if (!options.json) cli.output.warn('destroy the copies of the private key that you no longer need')
  })

  const example = 'mintage signing-keys add --algorithm EdDSA'
  const add = verb(signingKeys, 'add', 'create the first key of another algorithm', example).addOption(
    member('algorithm', '--algorithm <algorithm>', 'signing algorithm').choices(algorithms).makeOptionMandatory(),
  )
  add.action(async (options: JsonOption) => {
    const [path, body] = [`${signingKeysPath}/add`, membersOf(add)]
    printKey(cli, options, await cli.api().post<SigningKeyView>(path, 'add the algorithm', body))
  })
}

/** From standard input, so that no key is in a command line or in the shell's history. */
async function readKey(cli: Cli): Promise<{ pem: string } | { jwk: unknown }> {
  const text = (await readCredential(cli.input)).trim()
  if (text === '') throw new UsageError('no key on standard input', { hint: 'mintage signing-keys import < key.pem' })
  if (!text.startsWith('{')) return { pem: text }
  const read = readJsonText(text)
  if ('value' in read) return { jwk: read.value }
  const fault = read.fault === notJson ? 'is neither PEM nor JSON' : read.fault.slice(0, -1)
  throw new CliError(`cannot import the signing key: standard input ${fault}`, {
    hint: 'mintage signing-keys import < key.pem',
  })
}
