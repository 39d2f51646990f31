import { Command, CommanderError } from 'commander'
import { apiKeysCommand } from './api-keys/commands.ts'
import { auditCommand } from './audit/commands.ts'
import { addCompletionCommand } from './completion/commands.ts'
import { addConfigCommand } from './config/commands.ts'
import { addDoctorCommand } from './doctor/commands.ts'
import { kekCommand } from './kek/commands.ts'
import { organizationsCommand } from './organizations/commands.ts'
import { plansCommand } from './plans/commands.ts'
import { revocationsCommand } from './revocations/commands.ts'
import { membersCommand, rolesCommand } from './roles/commands.ts'
import { type Cli, createCli } from './runtime/command.ts'
import { CliError, UsageError } from './runtime/failure.ts'
import { helpPages } from './runtime/help.ts'
import type { Output } from './runtime/output.ts'
import type { Surroundings } from './runtime/surroundings.ts'
import { packageVersion } from './runtime/version.ts'
import { addSeedCommand } from './seed/commands.ts'
import { addLocalCommands } from './service/commands.ts'
import { serviceAccountsCommand } from './service-accounts/commands.ts'
import { signingKeysCommand } from './signing-keys/commands.ts'
import { addHolderCommands } from './token/commands.ts'
import { addVerifyCommand } from './token/verify.ts'
import { verifiersCommand } from './verifiers/commands.ts'

/** Runs one command. 0 = done, 1 = it failed, 2 = the command was wrong, 3 = not verified. Errors go to standard error: what failed, then what to type next. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const { output } = surroundings
  const json = argv.includes('--json')
  try {
    refuseCredentials(argv)
    await createProgram(createCli(surroundings)).parseAsync([...argv], { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return afterCommander(error, argv, output)
    const failure =
      error instanceof CliError ? error : new CliError(error instanceof Error ? error.message : 'something went wrong')
    report(failure.code === 'invalid_request' ? withHelp(failure, argv) : failure, json, output)
    return failure.exitCode
  }
}

export function createProgram(cli: Cli): Command {
  const program = new Command('mintage')
    .description('Exchange long-lived API keys for short-lived JWTs that can be switched off.')
    .helpCommand(false)
  addVersionOption(program, cli)
  program.addCommand(apiKeysCommand(cli))
  program.addCommand(organizationsCommand(cli))
  program.addCommand(plansCommand(cli))
  program.addCommand(serviceAccountsCommand(cli))
  program.addCommand(rolesCommand(cli))
  program.addCommand(membersCommand(cli))
  program.addCommand(signingKeysCommand(cli))
  program.addCommand(verifiersCommand(cli))
  program.addCommand(kekCommand(cli))
  program.addCommand(revocationsCommand(cli))
  program.addCommand(auditCommand(cli))
  addHolderCommands(program, cli)
  addVerifyCommand(program, cli)
  addLocalCommands(program, cli)
  addConfigCommand(program, cli)
  addDoctorCommand(program, cli)
  addSeedCommand(program, cli)
  addCompletionCommand(program, cli)
  settle(program, cli.output)
  return program
}

/** Only before a command: behind one, the words are the command's, and none of them may turn its work into a version. */
function addVersionOption(program: Command, { output }: Cli): void {
  program
    .enablePositionalOptions()
    .option('--version', 'print the version')
    .on('option:version', () => {
      output.write(packageVersion())
      throw new CommanderError(0, 'commander.version', '')
    })
}

/** Commander shall throw instead of ending the process, say nothing itself, and keep lines on a screen. */
function settle(command: Command, output: Output): void {
  command.exitOverride().configureHelp(helpPages)
  command.configureOutput({
    writeOut: (text) => output.write(text.trimEnd()),
    writeErr: () => {},
    getOutHelpWidth: () => 80,
  })
  for (const child of command.commands) settle(child, output)
}

/** Other people can read the command line, and the shell remembers it. */
function refuseCredentials(argv: readonly string[]): void {
  if (argv.some((argument) => /[a-z0-9]{2,16}_(?:live|test)_[0-9A-Za-z]{20}|eyJ[\w-]+\.[\w-]+\./.test(argument))) {
    throw new UsageError('a key or token stands on the command line, where others can read it', {
      code: 'credential_in_argv',
      hint: 'set MINTAGE_API_KEY instead; where a command wants a key, give its id (key_…)',
    })
  }
}

/** Help is an answer; anything else that commander throws is a wrong command. */
function afterCommander(error: CommanderError, argv: readonly string[], output: Output): number {
  if (error.exitCode === 0) return 0
  const words = argv.filter((argument) => /^[a-z][a-z-]*$/.test(argument)).slice(0, 2)
  const [message, known] = explain(error, words)
  report(
    new UsageError(message, { code: 'usage', hint: ['mintage', ...known, '--help'].join(' ') }),
    argv.includes('--json'),
    output,
  )
  return 2
}

/** What was wrong, and the words up to there that were right: their help is the next thing to read. */
function explain(error: CommanderError, words: readonly string[]): [message: string, known: readonly string[]] {
  if (error.code === 'commander.help')
    return [words.length === 0 ? 'a command is missing' : 'a verb is missing', words.slice(0, 1)]
  const message = commanderWords(error)
  const unknown =
    error.code === 'commander.unknownCommand' ? words.findIndex((word) => message.includes(`'${word}'`)) : words.length
  return [message, words.slice(0, unknown)]
}

/** The service did not take what the options said: their page is the next thing to read. */
function withHelp(error: CliError, argv: readonly string[]): CliError {
  const end = argv.findIndex((argument) => !/^[a-z][a-z-]*$/.test(argument))
  const words = argv.slice(0, Math.min(2, end === -1 ? 2 : end))
  return error.hint === undefined
    ? new CliError(error.message, { code: error.code, hint: ['mintage', ...words, '--help'].join(' ') })
    : error
}

function commanderWords({ message }: CommanderError): string {
  return message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .replace(/\.$/, '')
}

function report({ message, hint, code }: CliError, json: boolean, output: Output): void {
  if (json) {
    output.warn(JSON.stringify({ error: code, message, ...(hint === undefined ? {} : { hint }) }))
    return
  }
  output.warn(`error: ${message}`)
  if (hint !== undefined) output.warn(`hint: ${hint}`)
}
