import type { Command, Option } from 'commander'
import type { Page } from '../../db/page.ts'
import { wholeNumber } from './arguments.ts'
import { type Cli, type JsonOption, print, verb } from './command.ts'
import { addOptions, member, queryOf } from './members.ts'
import { type Column, table } from './output.ts'

type List<Row> = {
  /** Completes "list …" and "no …". */
  readonly what: string
  readonly path: string
  readonly example: string
  readonly columns: readonly Column<Row>[]
  readonly filters?: readonly Option[]
  /** Set for a list that is always answered whole; says how it is ordered. */
  readonly whole?: string
  /** Lines below the table. */
  readonly notes?: (rows: readonly Row[]) => readonly string[]
}

/** Adds the verb `list` of a noun. */
export function listVerb<Row>(parent: Command, cli: Cli, list: List<Row>): Command {
  const { what, path, columns, filters = [], whole, notes } = list
  const command = addOptions(verb(parent, 'list', `list ${what}, ${whole ?? 'newest first'}`, list.example), filters)
  const words = (rows: readonly Row[]) => [table(rows, columns), ...(notes?.(rows) ?? [])].join('\n')
  return (whole === undefined ? pageOptions(command) : command).action(async (options: JsonOption) => {
    await printPage<Row>(cli, options, { path, what, query: queryOf(command) }, words)
  })
}

/** Adds a verb other than `list` over a route that answers pages. */
export function pagesVerb<Row>(
  command: Command,
  cli: Cli,
  { what, path, columns }: { what: string; path: (id: string) => string; columns: readonly Column<Row>[] },
): Command {
  return pageOptions(command).action(async (id: string, options: JsonOption) => {
    await printPage<Row>(cli, options, { path: path(id), what, query: queryOf(command) }, (rows) =>
      table(rows, columns),
    )
  })
}

function pageOptions(command: Command): Command {
  return command
    .addOption(member('limit', '--limit <number>', 'how many, at most 200', wholeNumber))
    .addOption(member('cursor', '--cursor <cursor>', 'continue where the last page ended'))
}

/** Gets one page and prints it; says how to continue when there is more. */
async function printPage<Row>(
  cli: Cli,
  options: JsonOption,
  { path, what, query }: { path: string; what: string; query: Record<string, string | undefined> },
  words: (rows: readonly Row[]) => string,
): Promise<void> {
  const page = await cli.api().get<Page<Row>>(path, `list ${what}`, query)
  print(cli, options, page, () => (page.items.length === 0 ? `no ${what}` : words(page.items)))
  if (page.nextCursor && !options.json) cli.output.warn(`there are more: add --cursor ${page.nextCursor}`)
}
