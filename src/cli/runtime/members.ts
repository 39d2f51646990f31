import { type Command, Option } from 'commander'
import { collectEntries, collectWords } from './arguments.ts'

/**
 * An option that fills one member of a request, such as `filter.label` in a body or `organizationId` in a query. One
 * declaration builds the request and lets an error about the member name the option.
 */
class MemberOption extends Option {
  readonly member: string

  constructor(member: string, flags: string, description?: string) {
    super(flags, description)
    this.member = member
  }
}

/** Declares an option that fills `member`. With `parse`, its text is checked and converted. */
export function member<Value>(
  name: string,
  flags: string,
  description?: string,
  parse?: (text: string, previous: Value) => Value,
): Option {
  const option = new MemberOption(name, flags, description)
  return parse ? option.argParser(parse) : option
}

export function addOptions(command: Command, options: readonly Option[]): Command {
  for (const option of options) command.addOption(option)
  return command
}

/** Copies an option without showing it in the help: what one command hides, another shows. */
export function hiddenCopy(option: Option): Option {
  const copy = option instanceof MemberOption ? new MemberOption(option.member, option.flags) : new Option(option.flags)
  copy.hideHelp()
  return option.parseArg ? copy.argParser(option.parseArg) : copy
}

/**
 * The request members that the command line gave. `--no-…` clears a member: lists become empty, a description the empty
 * text, the rest null.
 */
export function membersOf(command: Command): Record<string, unknown> {
  const given: Readonly<Record<string, unknown>> = command.optsWithGlobals()
  const members: Record<string, unknown> = {}
  for (const option of command.options) {
    const value = given[option.attributeName()]
    if (!(option instanceof MemberOption) || value === undefined) continue
    put(members, option.member.split('.'), value === false ? clearedValue(option) : value)
  }
  return members
}

/** The same as a query: only texts and numbers. */
export function queryOf(command: Command): Record<string, string> {
  return asQuery(membersOf(command))
}

/** Members whose values are texts, numbers or booleans, as a query. */
export function asQuery(members: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, String(value)]))
}

/**
 * The service's words with options in place of members: `tokenAlgorithm is not …` → `--algorithm is not …`. A member
 * with a plain name (`subject`) is replaced only where a sentence begins with it in lower case: elsewhere it may be an
 * ordinary word.
 */
export function withOptionNames(text: string, command: Command): string {
  return command.options.reduce((words, option) => {
    if (!(option instanceof MemberOption) || !option.long) return words
    const isPlainWord = /^[a-z]+$/.test(option.member)
    const place = isPlainWord ? '(?<=^|[.] )' : '(?<![\\w.-])'
    const name = option.member.replaceAll('.', '\\.')
    return words.replace(new RegExp(`${place}(["\`]?)${name}(?:\\.\\d+)?\\1(?![\\w-])`, 'g'), option.long)
  }, text)
}

function clearedValue(option: MemberOption): unknown {
  if (option.parseArg === collectEntries || option.parseArg === collectWords) return []
  return option.member === 'description' ? '' : null
}

function put(target: Record<string, unknown>, [first = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    target[first] = value
    return
  }
  const inner: Record<string, unknown> = Object(target[first] ?? {})
  put(inner, rest, value)
  target[first] = inner
}
