import type { Command } from 'commander'
import type { SigningKeyView } from '../../signing-keys/view.ts'
import { type Cli, type JsonOption, verb } from '../runtime/command.ts'
import { member, membersOf } from '../runtime/members.ts'
import { withHistoryReason, withPurposeAndAlgorithm } from './options.ts'
import { signingKeyPath, signingKeysPath } from './path.ts'
import { printKey } from './print-key.ts'

type Options = JsonOption & { force?: boolean }

/** The verbs that decide which published key signs. */
export function addRotatingVerbs(signingKeys: Command, cli: Cli): void {
  const rotate = verb(
    signingKeys,
    'rotate',
    'sign with the next key and publish another',
    'mintage signing-keys rotate',
  )
  withForce(withPurposeAndAlgorithm(rotate)).action(async (options: Options) => {
    const [path, body] = [`${signingKeysPath}/rotate`, forced(rotate)]
    printKey(cli, options, await cli.api().post<SigningKeyView>(path, 'rotate the signing key', body))
  })

  const activate = verb(signingKeys, 'activate', 'sign with this pending key', 'mintage signing-keys activate -- <kid>')
  withForce(activate.argument('<kid>', 'put -- before one that begins with -')).action(
    async (kid: string, options: Options) => {
      const [path, body] = [signingKeyPath(kid, '/activate'), forced(activate)]
      printKey(cli, options, await cli.api().post<SigningKeyView>(path, 'activate the signing key', body))
    },
  )

  const example = 'mintage signing-keys rollback --reason "new key rejected"'
  const rollback = verb(signingKeys, 'rollback', 'sign with the previous key again', example)
  withHistoryReason(withPurposeAndAlgorithm(rollback)).action(async (options: JsonOption) => {
    const [path, body] = [`${signingKeysPath}/rollback`, membersOf(rollback)]
    printKey(cli, options, await cli.api().post<SigningKeyView>(path, 'roll back to the previous key', body))
  })
}

function withForce(command: Command): Command {
  return withHistoryReason(
    command
      .addOption(
        member(
          'force',
          '--force',
          'before it is safe: verifiers that do not hold the key answer 503, others refuse good tokens, until they fetch it',
        ),
      )
      .addOption(
        member(
          'revokeFormer',
          '--revoke-former',
          'with --force: revoke the previous key and all tokens that it signed',
        ),
      ),
  )
}

function forced(command: Command): object {
  return { force: false, ...membersOf(command) }
}
