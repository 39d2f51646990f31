import { Argument, type Command } from 'commander'
import { type Cli, verb } from '../runtime/command.ts'

/**
 * `mintage completion`: a script that knows every command and option, so that completing starts no process and no
 * request.
 */
export function addCompletionCommand(program: Command, cli: Cli): void {
  verb(program, 'completion', 'print a completion script for a shell', 'source <(mintage completion bash)')
    .addArgument(new Argument('<shell>', 'which one').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', '\nzsh: source <(mintage completion zsh)\nfish: mintage completion fish | source')
    .action((shell: 'bash' | 'zsh' | 'fish', options: { json?: boolean }) => {
      const script = scripts[shell](stepsOf(program))
      cli.output.write(options.json ? JSON.stringify({ shell, script }) : script)
    })
}

/** A position in the command line: the words before it, and what may follow. */
type Step = {
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly summary: string }[]
  readonly options: readonly { readonly flag: string; readonly summary: string; readonly choices: readonly string[] }[]
}

function stepsOf(command: Command, path = ''): Step[] {
  const commands = command.commands.map((child) => ({ name: child.name(), summary: child.summary() }))
  const options = command.options.flatMap(({ long, description, argChoices }) =>
    long ? [{ flag: long, summary: description, choices: argChoices ?? [] }] : [],
  )
  const help = { flag: '--help', summary: 'display help for command', choices: [] }
  const here: Step = { path, commands, options: [...options, help] }
  return [here, ...command.commands.flatMap((child) => stepsOf(child, `${path} ${child.name()}`.trim()))]
}

const wordsOf = ({ commands, options }: Step) =>
  [...commands.map(({ name }) => name), ...options.map(({ flag }) => flag)].join(' ')
const choicesOf = (steps: readonly Step[]) =>
  steps.flatMap(({ path, options }) =>
    options
      .filter(({ choices }) => choices.length > 0)
      .map(({ flag, choices }) => ({ at: `${path} ${flag}`, choices: choices.join(' ') })),
  )
const pathsOf = (steps: readonly Step[]) =>
  steps.filter(({ path }) => path !== '').map(({ path }) => (path.includes(' ') ? `'${path}'` : `' ${path}'`))

const scripts = { bash, zsh, fish } as const

/** Every word comes from this program: none holds a quote or a space. */
function bash(steps: readonly Step[]): string {
  return `# mintage completion bash
_mintage() {
  local at='' word words='' now="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in
      ${pathsOf(steps).join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at" in
${steps.map((step) => `    '${step.path}') words='${wordsOf(step)}' ;;`).join('\n')}
  esac
  case "$at $before" in
${choicesOf(steps)
  .map(({ at, choices }) => `    '${at}') words='${choices}' ;;`)
  .join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$now"))
}
complete -o default -F _mintage mintage`
}

function zsh(steps: readonly Step[]): string {
  return `#compdef mintage
# mintage completion zsh
_mintage() {
  local at='' word choices=''
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
      ${pathsOf(steps).join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at" in
${steps.map((step) => `    '${step.path}') choices='${wordsOf(step)}' ;;`).join('\n')}
  esac
  case "$at \${words[CURRENT-1]}" in
${choicesOf(steps)
  .map(({ at, choices }) => `    '${at}') choices='${choices}' ;;`)
  .join('\n')}
  esac
  compadd -- \${=choices}
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _mintage mintage`
}

function fish(steps: readonly Step[]): string {
  const lines = steps.flatMap(({ path, commands, options }) => [
    ...commands.map(
      ({ name, summary }) => `complete -c mintage -n "__mintage_at '${path}'" -f -a ${name} -d ${quoted(summary)}`,
    ),
    ...options.map(({ flag, summary, choices }) => {
      const values = choices.length === 0 ? '' : ` -x -a '${choices.join(' ')}'`
      return `complete -c mintage -n "__mintage_at '${path}'" -l ${flag.slice(2)}${values} -d ${quoted(summary)}`
    }),
  ])
  return `# mintage completion fish
function __mintage_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    if contains -- "$at $word" ${pathsOf(steps).join(' ')}
      set at (string trim "$at $word")
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join('\n')}`
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
