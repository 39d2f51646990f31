import type { Command } from 'commander'
import type { Cli } from './command.ts'
import { CliError, UsageError } from './failure.ts'

export type ConsentOptions = { readonly yes?: boolean; readonly json?: boolean; readonly dryRun?: boolean }

/** For verbs that destroy: at a terminal they ask first. */
export function withConsent(command: Command): Command {
  return command.option('--yes', 'do not ask first')
}

/**
 * Asks the person at the terminal; with `--yes` and in a dry run nobody is asked. Where nobody can be asked (a script, `--json`), what is
 * dangerous needs `--yes`, and the rest is done.
 */
export async function requireConsent(
  cli: Cli,
  options: ConsentOptions,
  { question, dangerous = false }: { question: string; dangerous?: boolean },
): Promise<void> {
  if (options.yes || options.dryRun) return
  if (cli.terminal && !options.json) {
    if (await cli.terminal.confirm(question)) return
    throw new CliError('nothing was done', { code: 'declined' })
  }
  if (dangerous) {
    throw new UsageError(`nobody is here to answer: ${question}`, {
      code: 'consent_missing',
      hint: 'add --yes if it is meant',
    })
  }
}

/** Long work: a wheel turns for whoever watches. */
export async function busy<Result>(
  cli: Cli,
  options: { json?: boolean },
  what: string,
  work: () => Promise<Result>,
): Promise<Result> {
  return cli.terminal && !options.json ? await cli.terminal.spin(what, work) : await work()
}
