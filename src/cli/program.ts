import { Command, CommanderError } from 'commander'
import { looksLikeApiKey } from '../api-keys/format.ts'
import { errorWords } from '../observability/error-words.ts'
import { version } from '../version.ts'
import { addApiKeysCommand } from './api-keys/commands.ts'
import { addAuditCommand } from './audit/commands.ts'
import { addCompletionCommand } from './completion/commands.ts'
import { addConfigCommand } from './config/commands.ts'
import { addDoctorCommand } from './doctor/commands.ts'
import { addKekCommand } from './kek/commands.ts'
import { addMeCommand } from './me/commands.ts'
import { addMembersCommand } from './members/commands.ts'
import { addOrganizationsCommand } from './organizations/commands.ts'
import { addPlansCommand } from './plans/commands.ts'
import { addRevocationsCommand } from './revocations/commands.ts'
import { addRolesCommand } from './roles/commands.ts'
import { addRootKeysCommand } from './root-keys/commands.ts'
import { type Cli, createCli } from './runtime/command.ts'
import { wordsOfCommander } from './runtime/commander-words.ts'
import { refuseEmptyValues } from './runtime/empty-values.ts'
import { CliError, UsageError } from './runtime/failure.ts'
import { helpPages } from './runtime/help.ts'
import type { Output } from './runtime/output.ts'
import { inWordsOf, RefusalError } from './runtime/refusal.ts'
import type { Surroundings } from './runtime/surroundings.ts'
import { addSeedCommand } from './seed/commands.ts'
import { addServiceCommands } from './service/commands.ts'
import { addServiceAccountsCommand } from './service-accounts/commands.ts'
import { addSigningKeysCommand } from './signing-keys/commands.ts'
import { addTokenCommands } from './token/commands.ts'
import { addVerifiersCommand } from './verifiers/commands.ts'

/**
 * Runs one command and gives its exit code: 0 = done, 1 = it failed, 2 = the command was wrong, 3 = not verified.
 * Errors go to standard error.
 */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const { output } = surroundings
  const json = argv.includes('--json')
  const program = createProgram(createCli(surroundings))
  let running = program
  program.hook('preAction', (_, command) => {
    running = command
    refuseEmptyValues(command)
  })
  try {
    refuseCredentials(argv)
    await program.parseAsync([...argv], { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return afterCommander(error, argv, output)
    const failure = error instanceof RefusalError ? inWordsOf(running, error) : asCliError(error)
    report(failure, json, output)
    return failure.exitCode
  }
}

const commands: readonly ((program: Command, cli: Cli) => void)[] = [
  addApiKeysCommand,
  addOrganizationsCommand,
  addPlansCommand,
  addServiceAccountsCommand,
  addRolesCommand,
  addMembersCommand,
  addSigningKeysCommand,
  addVerifiersCommand,
  addKekCommand,
  addRootKeysCommand,
  addRevocationsCommand,
  addAuditCommand,
  addMeCommand,
  addTokenCommands,
  addServiceCommands,
  addConfigCommand,
  addDoctorCommand,
  addSeedCommand,
  addCompletionCommand,
]

export function createProgram(cli: Cli): Command {
  const program = new Command('mintage')
    .description('Exchange long-lived API keys for short-lived JWTs that can be revoked.')
    .helpCommand(false)
  for (const add of commands) add(program, cli)
  addVersionOption(program, cli)
  configure(program, cli.output)
  return program
}

/** Taken only before a command: behind one it would be an option of that command, and must not replace its work. */
function addVersionOption(program: Command, { output }: Cli): void {
  program
    .enablePositionalOptions()
    .option('--version', 'print the version')
    .on('option:version', () => {
      output.write(version)
      throw new CommanderError(0, 'commander.version', '')
    })
}

/** Makes commander throw instead of ending the process, print nothing itself, and keep lines within a screen. */
function configure(command: Command, output: Output): void {
  command.exitOverride().configureHelp(helpPages)
  command.configureOutput({
    writeOut: (text) => output.write(text.trimEnd()),
    writeErr: () => {},
    getOutHelpWidth: () => 80,
  })
  for (const child of command.commands) configure(child, output)
}

/** Other people can read the command line, and the shell remembers it. */
function refuseCredentials(argv: readonly string[]): void {
  if (argv.some((argument) => looksLikeApiKey(argument) || /eyJ[\w-]+\.[\w-]+\./.test(argument))) {
    throw new UsageError('the command line holds a key or a token, and others can read it there', {
      code: 'credential_in_argv',
      hint: 'set MINTAGE_API_KEY instead; where a command takes a key, give its id (key_…)',
    })
  }
}

function asCliError(error: unknown): CliError {
  if (error instanceof CliError) return error
  return new CliError(errorWords(error))
}

/** Help is an answer; everything else that commander throws is a wrong command. */
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

/** What was wrong, and the words before it: their help is the next thing to read. */
function explain(error: CommanderError, words: readonly string[]): [message: string, known: readonly string[]] {
  if (error.code === 'commander.help')
    return [words.length === 0 ? 'a command is missing' : 'a verb is missing', words.slice(0, 1)]
  const message = wordsOfCommander(error.message)
  const unknown =
    error.code === 'commander.unknownCommand' ? words.findIndex((word) => message.includes(`'${word}'`)) : words.length
  return [message, words.slice(0, unknown)]
}

function report({ message, hint, code }: CliError, json: boolean, output: Output): void {
  if (json) {
    output.warn(JSON.stringify({ error: code, message, ...(hint === undefined ? {} : { hint }) }))
    return
  }
  output.warn(`error: ${message}`)
  if (hint !== undefined) output.warn(`hint: ${hint}`)
}
