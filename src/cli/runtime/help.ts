import { type Command, Help, type Option } from 'commander'

/** Help pages that fit a screen of 80 × 24: commander's, except where it would be too long. */
export const helpPages = {
  formatHelp(command: Command, help: Help): string {
    if (command.parent === null) return rootPage(command)
    return command.commands.length > 0 ? nounPage(command) : Help.prototype.formatHelp.call(help, command, help)
  },
  /** Leaves --help out: its reader has found it. */
  visibleOptions: (command: Command): Option[] => command.options.filter(({ hidden }) => !hidden),
}

/** The verbs of a noun and what they do; their options are on their own pages. Some nouns are commands themselves. */
function nounPage(noun: Command): string {
  const width = Math.max(...noun.commands.map((verb) => verb.name().length))
  const ownOptions = noun.options.map(({ flags, description }) => `  ${flags}  ${description}`)
  return `Usage: mintage ${noun.name()} ${ownOptions.length === 0 ? '<command>' : '[command]'} [options]

${noun.description()}${ownOptions.length === 0 ? '' : `\n\nOptions:\n${ownOptions.join('\n')}`}

${noun.commands.map((verb) => `  ${verb.name().padEnd(width)}  ${verb.summary()}`).join('\n')}
`
}

/** Which commands belong together. Commands in no group come last. */
const groups: readonly [title: string, names: readonly string[]][] = [
  ['Keys', ['api-keys', 'service-accounts', 'root-keys', 'me', 'token', 'verify']],
  ['Access', ['organizations', 'plans', 'roles', 'members']],
  ['Revocation, audit', ['revocations', 'audit']],
  ['Signing', ['signing-keys', 'verifiers', 'kek']],
  ['Running it', ['serve', 'migrate', 'bootstrap', 'restored', 'config', 'doctor', 'seed']],
  ['In your shell', ['completion']],
]

/** The first page. One line for each command would be longer than a screen. */
function rootPage(program: Command): string {
  const names = program.commands.map((command) => command.name())
  const placed = new Set(groups.flatMap(([, members]) => members))
  const shown = [...groups, ['More', names.filter((name) => !placed.has(name))] as const]
    .map(([title, members]) => [title, members.filter((name) => names.includes(name))] as const)
    .filter(([, members]) => members.length > 0)
  return `Usage: mintage <command> [options]

${program.description()}

${shown.map(([title, members]) => `  ${title.padEnd(18)}${members.join(', ')}`).join('\n')}

For one command: mintage <command> --help. For scripts: --json.
The version: mintage --version.
Exit codes: 0 done, 1 it failed, 2 the command was wrong, 3 not verified.

Example:
  $ mintage api-keys create orders --scope orders:read

The key is read from MINTAGE_API_KEY or .mintage/credentials.json.
`
}

/** The words to type for a command, its options and arguments left out. */
export function wordsOf(command: Command): string {
  return command.parent === null ? command.name() : `${wordsOf(command.parent)} ${command.name()}`
}
