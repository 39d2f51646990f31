import type { Command } from 'commander'
import { algorithms } from '../../signing-keys/signer.ts'
import { member } from '../runtime/members.ts'

/** Adds the two options that choose among the service's keys. */
export function withPurposeAndAlgorithm(command: Command): Command {
  return command
    .addOption(member('purpose', '--purpose <purpose>', 'which keys').choices(['token', 'record']).default('token'))
    .addOption(
      member('algorithm', '--algorithm <algorithm>', 'of which algorithm').choices(algorithms).default('ES256'),
    )
}

export function withHistoryReason(command: Command): Command {
  return command.addOption(member('reason', '--reason <text>', 'for the history'))
}
