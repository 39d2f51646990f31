import { Command, type Option } from 'commander'
import type { Page } from '../../db/page.ts'
import { type AdminApi, adminApi } from './admin-api.ts'
import { wholeNumber } from './arguments.ts'
import { findCredentials, type Purpose } from './credentials.ts'
import { type Column, table } from './output.ts'
import type { Surroundings } from './surroundings.ts'

/** What every command works with. */
export type Cli = Surroundings & {
  /** Looks for the credentials when it is called: help needs none. */
  api(purpose?: Purpose): AdminApi
}

export function createCli(surroundings: Surroundings): Cli {
  return { ...surroundings, api: (purpose = 'admin') => adminApi(findCredentials(surroundings, purpose)) }
}

/** A command that only has verbs; the example is one of theirs. */
export function noun(name: string, summary: string, example: string): Command {
  return new Command(name)
    .summary(summary)
    .description(summary)
    .helpCommand(false)
    .addHelpText('after', `\nExample:\n  $ ${example}`)
}

/** Adds a verb; each has `--json` and an example. */
export function verb(parent: Command, name: string, summary: string, example: string): Command {
  return parent
    .command(name)
    .summary(summary)
    .description(summary)
    .option('--json', 'print JSON, for scripts')
    .addHelpText('after', `\nExample:\n  $ ${example}`)
}

/** An option whose value goes into the query as it is, under this name. */
export type Filter = { readonly query: string; readonly option: Option }

/** Adds a verb `list` over a route that gives pages. */
export function listVerb<Row>(
  parent: Command,
  cli: Cli,
  list: { path: string; what: string; example: string; columns: readonly Column<Row>[]; filters?: readonly Filter[] },
): Command {
  const { filters = [] } = list
  const command = addFilters(verb(parent, 'list', `list ${list.what}, newest first`, list.example), filters)
  return pageOptions(command).action(async (options: PageOptions) => {
    const asked = { path: list.path, what: list.what, query: filterQuery(filters, options) }
    await printPage<Row>(cli, options, asked, (rows) =>
      rows.length === 0 ? `no ${list.what}` : table(rows, list.columns),
    )
  })
}

export type PageOptions = { limit?: number; cursor?: string; json?: boolean }

/** What a verb over pages takes. */
export function pageOptions(command: Command): Command {
  return command
    .option('--limit <number>', 'how many, at most 200', wholeNumber)
    .option('--cursor <cursor>', 'go on where the last page ended')
}

/** Gets one page and prints it; says how to go on where there is more. */
export async function printPage<Row>(
  cli: Cli,
  options: PageOptions,
  { path, what, query = {} }: { path: string; what: string; query?: Record<string, string | undefined> },
  words: (rows: readonly Row[]) => string,
): Promise<void> {
  const { limit, cursor } = options
  const page = await cli.api().get<Page<Row>>(path, `list ${what}`, { limit: limit?.toString(), cursor, ...query })
  print(cli, options, page, () => words(page.items))
  if (page.nextCursor !== null && !options.json) cli.output.warn(`there are more: add --cursor ${page.nextCursor}`)
}

export function addFilters(command: Command, filters: readonly Filter[]): Command {
  for (const { option } of filters) command.addOption(option)
  return command
}

/** What was given of the filters, as a query. */
export function filterQuery(filters: readonly Filter[], options: object): Record<string, string | undefined> {
  const given: ReadonlyMap<string, unknown> = new Map(Object.entries(options))
  return Object.fromEntries(
    filters.map(({ query, option }) => {
      const value = given.get(option.attributeName())
      return [query, typeof value === 'string' ? value : undefined]
    }),
  )
}

/** JSON for scripts, otherwise words for people. */
export function print(cli: Cli, options: { json?: boolean }, answer: unknown, words: () => string): void {
  cli.output.write(options.json ? JSON.stringify(answer, null, 2) : words())
}
