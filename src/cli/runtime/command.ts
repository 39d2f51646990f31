import type { Command } from 'commander'
import { type AdminApi, adminApi } from './admin-api.ts'
import { findCredentials, type Purpose } from './credentials.ts'
import type { Surroundings } from './surroundings.ts'

/** What every command works with. */
export type Cli = Surroundings & {
  /** Looks for credentials when it is called: help needs none. */
  api(purpose?: Purpose): AdminApi
}

export type JsonOption = { readonly json?: boolean }

export function createCli(surroundings: Surroundings): Cli {
  return { ...surroundings, api: (purpose = 'admin') => adminApi(findCredentials(surroundings, purpose)) }
}

/** Adds a command that only has verbs; the example is one of theirs. */
export function noun(program: Command, name: string, summary: string, example: string): Command {
  return program
    .command(name)
    .summary(summary)
    .description(summary)
    .helpCommand(false)
    .addHelpText('after', `\nExample:\n  $ ${example}`)
}

/** Adds a verb with `--json` and an example. */
export function verb(parent: Command, name: string, summary: string, example: string): Command {
  return parent
    .command(name)
    .summary(summary)
    .description(summary)
    .option('--json', 'print JSON, for scripts')
    .addHelpText('after', `\nExample:\n  $ ${example}`)
}

/** Adds a verb that gets one thing by its id or name and prints it. */
export function showVerb<View>(
  parent: Command,
  cli: Cli,
  show: {
    what: string
    example: string
    argument: readonly [name: string, description: string]
    path: (id: string) => string
    words: (view: View) => string
  },
): Command {
  return verb(parent, 'show', `show ${show.what}`, show.example)
    .argument(...show.argument)
    .action(async (id: string, options: JsonOption) => {
      const view = await cli.api().get<View>(show.path(id), `show ${show.what.replace(/^an? /, 'the ')}`)
      print(cli, options, view, () => show.words(view))
    })
}

/** Prints JSON for scripts, otherwise words for people. */
export function print(cli: Cli, options: JsonOption, answer: unknown, words: () => string): void {
  cli.output.write(options.json ? JSON.stringify(answer, null, 2) : words())
}
