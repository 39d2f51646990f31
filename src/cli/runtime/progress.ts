import type { Cli, JsonOption } from './command.ts'

/** Shows a spinner at a terminal while the work runs. */
export async function withSpinner<Result>(
  cli: Cli,
  options: JsonOption,
  what: string,
  work: () => Promise<Result>,
): Promise<Result> {
  return cli.terminal && !options.json ? await cli.terminal.spin(what, work) : await work()
}
