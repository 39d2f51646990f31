import { type Command, Help, type Option } from 'commander'

/** Every help page fits a screen of 80 × 24: commander's own, except where there are too many lines for it. */
export const helpPages = {
  formatHelp(command: Command, help: Help): string {
    if (command.parent === null) return rootPage(command)
    return command.commands.length > 0 ? nounPage(command) : Help.prototype.formatHelp.call(help, command, help)
  },
  /** Whoever reads it has found --help already. */
  visibleOptions: (command: Command): Option[] => command.options.filter(({ hidden }) => !hidden),
}

/** The verbs of a noun with what they do; what they take, their own pages tell. Some nouns are a command by themselves. */
function nounPage(noun: Command): string {
  const width = Math.max(...noun.commands.map((verb) => verb.name().length))
  const alone = noun.options.map(({ flags, description }) => `  ${flags}  ${description}`)
  return `Usage: mintage ${noun.name()} ${alone.length === 0 ? '<command>' : '[command]'} [options]

${noun.description()}
${alone.length === 0 ? '' : `\nOptions:\n${alone.join('\n')}\n`}
Commands:
${noun.commands.map((verb) => `  ${verb.name().padEnd(width)}  ${verb.summary()}`).join('\n')}
`
}

/** Which commands belong together; what is in none of them comes last. */
const groups: readonly [title: string, names: readonly string[]][] = [
  ['Keys', ['api-keys', 'service-accounts', 'me', 'token', 'verify']],
  ['Who manages them', ['organizations', 'plans', 'roles', 'members']],
  ['Revoking, trail', ['revocations', 'audit']],
  ['Signing', ['signing-keys', 'verifiers', 'kek']],
  ['Running it', ['serve', 'migrate', 'bootstrap', 'restored', 'config', 'doctor', 'seed']],
  ['In your shell', ['completion']],
]

/** The first page: with one line for each command it would be longer than a screen. */
function rootPage(program: Command): string {
  const names = program.commands.map((command) => command.name())
  const placed = new Set(groups.flatMap(([, members]) => members))
  const shown = [...groups, ['More', names.filter((name) => !placed.has(name))] as const]
    .map(([title, members]) => [title, members.filter((name) => names.includes(name))] as const)
    .filter(([, members]) => members.length > 0)
  return `Usage: mintage <command> [options]

${program.description()}

${shown.map(([title, members]) => `  ${title.padEnd(18)}${members.join(', ')}`).join('\n')}

Each says more: mintage <command> --help. Each takes --json, for scripts.
mintage --version prints which one this is.
Exit codes: 0 done, 1 it failed, 2 the command was wrong, 3 not verified.

Example:
  $ mintage api-keys create orders --scope orders:read

The key comes from MINTAGE_API_KEY or .mintage/credentials.json.
`
}
