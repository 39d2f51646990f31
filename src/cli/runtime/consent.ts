import type { Command } from 'commander'
import type { Cli } from './command.ts'
import { CliError, UsageError } from './failure.ts'

export type ConsentOptions = { readonly yes?: boolean; readonly json?: boolean; readonly dryRun?: boolean }

/** For verbs that end keys or tokens, or go past a safe time: they ask first. */
export function withConsent(command: Command): Command {
  return command.option('--yes', 'do not ask first')
}

/**
 * Asks the person at the terminal. `--yes` and a dry run skip the question. A script has nobody to ask (no terminal, or
 * `--json`): it needs `--yes`.
 */
export async function requireConsent(cli: Cli, options: ConsentOptions, question: string): Promise<void> {
  if (options.yes || options.dryRun) return
  if (cli.terminal && !options.json) {
    if (await cli.terminal.confirm(question)) return
    throw new CliError('nothing was done', { code: 'declined' })
  }
  throw new UsageError(`confirmation required: ${question}`, { code: 'consent_missing', hint: 'add --yes' })
}
