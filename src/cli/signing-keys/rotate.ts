import type { Command } from 'commander'
import type { RingTrial } from '../../signing-keys/trial.ts'
import type { SigningKeyView } from '../../signing-keys/view.ts'
import { type Cli, type JsonOption, verb } from '../runtime/command.ts'
import { endingVerb, withDryRun } from '../runtime/ending.ts'
import { member, membersOf } from '../runtime/members.ts'
import { withHistoryReason, withPurposeAndAlgorithm } from './options.ts'
import { signingKeyPath, signingKeysPath } from './path.ts'
import { keyText, printKey } from './print-key.ts'
import { ringTrialText } from './trial.ts'

/** The verbs that decide which published key signs. */
export function addRotatingVerbs(signingKeys: Command, cli: Cli): void {
  const rotate = verb(
    signingKeys,
    'rotate',
    'sign with the next key and publish another',
    'mintage signing-keys rotate',
  )
  forcibleVerb(withPurposeAndAlgorithm(rotate), cli, {
    doing: 'rotate the signing key',
    path: () => `${signingKeysPath}/rotate`,
  })

  const activate = verb(signingKeys, 'activate', 'sign with this pending key', 'mintage signing-keys activate -- <kid>')
  forcibleVerb(activate.argument('<kid>', 'put -- before one that begins with -'), cli, {
    doing: 'activate the signing key',
    path: ([kid = '']) => signingKeyPath(kid, '/activate'),
  })

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

/** Without --force it waits for the safe time and revokes nothing, so there is nothing to ask. */
function forcibleVerb(
  command: Command,
  cli: Cli,
  { doing, path }: { doing: string; path: (ids: readonly string[]) => string },
): void {
  endingVerb<SigningKeyView, RingTrial>(withDryRun(withForce(command)), cli, {
    doing,
    question: (_, { force, revokeFormer }) => {
      if (revokeFormer) return 'Sign with another key now, and revoke the previous one with every token that it signed?'
      return force ? 'Sign with another key now? Before it is safe, verifiers may refuse good tokens.' : undefined
    },
    path,
    trialText: ringTrialText,
    done: ({ answer, options }) => ({ json: answer, ...keyText(answer, options) }),
  })
}
