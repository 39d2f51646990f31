import { type Command, InvalidArgumentError, Option } from 'commander'
import { collect, duration } from '../runtime/arguments.ts'

/** What the options of `settingsOptions` say; false = taken away. */
export type SettingsOptions = {
  scope?: string[] | false
  audience?: string[] | false
  role?: string[] | false
  expiresAt?: string | false
  description?: string | false
  label?: string[] | false
  subject?: string | false
  claims?: object | false
  algorithm?: string | false
  allow?: string[] | false
  deny?: string[] | false
  requestsPerMinute?: string | false
  rotateEvery?: number | false
  serviceAccount?: string | false
}

const often = [
  new Option('--scope <scope>', 'a scope that it holds; repeat for more').argParser(collect),
  new Option('--audience <audience>', 'an audience beside the default one; repeat').argParser(collect),
  new Option('--role <role>', 'a role in the admin API; repeat for more').argParser(collect),
  new Option('--expires-at <instant>', 'RFC 3339, such as 2027-01-01T00:00:00Z'),
  new Option('--label <label>', 'to find it by; repeat for more').argParser(collect),
]

/** Too many for one screen: the help names them in two lines. */
const seldom = [
  new Option('--description <text>'),
  new Option('--subject <subject>'),
  new Option('--claims <json>').argParser(claims),
  new Option('--algorithm <algorithm>'),
  new Option('--allow <cidr>').argParser(collect),
  new Option('--deny <cidr>').argParser(collect),
  new Option('--requests-per-minute <number>'),
  new Option('--rotate-every <duration>').argParser(duration),
  new Option('--service-account <id>'),
]

/** What a key says, as options of a verb that creates, changes or rotates one. `--no-…` takes a thing away. */
export function settingsOptions(command: Command, { brief = false, takesAway = true } = {}): Command {
  for (const option of often) command.addOption(brief ? hidden(option) : option)
  for (const option of seldom) command.addOption(hidden(option))
  if (takesAway)
    for (const option of [...often, ...seldom]) command.addOption(new Option(`--no-${option.name()}`).hideHelp())
  const more = brief ? [...often, ...seldom] : seldom
  return command.addHelpText('after', `\nAnd: ${lines(more)}${takesAway ? '\n--no-… takes one away.' : ''}`)
}

/** The settings as the admin API takes them; what was not said is undefined. */
export function settingsOf(options: SettingsOptions) {
  const { requestsPerMinute } = options
  return {
    scopes: list(options.scope),
    audiences: list(options.audience),
    roles: list(options.role),
    expiresAt: value(options.expiresAt),
    description: options.description === false ? '' : options.description,
    labels: list(options.label),
    subject: value(options.subject),
    customClaims: value(options.claims),
    tokenAlgorithm: value(options.algorithm),
    allowedCidrs: list(options.allow),
    deniedCidrs: list(options.deny),
    requestsPerMinute: typeof requestsPerMinute === 'string' ? Number(requestsPerMinute) : value(requestsPerMinute),
    rotateEverySeconds: value(options.rotateEvery),
    serviceAccountId: value(options.serviceAccount),
  }
}

/** A copy: what one command hides, another shows. */
function hidden(option: Option): Option {
  const copy = new Option(option.flags).hideHelp()
  return option.parseArg ? copy.argParser(option.parseArg) : copy
}

function lines(options: readonly Option[]): string {
  const names = options.map(({ long }) => long ?? '')
  let width = 'And: '.length
  return names.reduce((text, name) => {
    width += name.length + 1
    if (width <= 80) return `${text}${text === '' ? '' : ' '}${name}`
    width = name.length
    return `${text}\n${name}`
  }, '')
}

function claims(text: string): object {
  try {
    const read: unknown = JSON.parse(text)
    if (typeof read === 'object' && read !== null && !Array.isArray(read)) return read
  } catch {
    // Said below.
  }
  throw new InvalidArgumentError('it must be a JSON object, such as \'{"plan":"gold"}\'.')
}

function list(given: string[] | false | undefined): string[] | undefined {
  return given === false ? [] : given
}

function value<Value>(given: Value | false | undefined): Value | null | undefined {
  return given === false ? null : given
}
