import { type Command, InvalidArgumentError, Option } from 'commander'
import { isJsonObject } from '../../kit/json-object.ts'
import { collectEntries, collectWords, duration, wholeNumber } from '../runtime/arguments.ts'
import { notJson, readJsonText } from '../runtime/json-text.ts'
import { addOptions, hiddenCopy, member } from '../runtime/members.ts'

const common = [
  member('scopes', '--scope <scope>', 'a scope that it holds; repeat for more', collectWords),
  member('roles', '--role <role>', 'a role in the admin API; repeat for more', collectWords),
  member('expiresAt', '--expires-at <time>', 'RFC 3339, such as 2027-01-01T00:00:00Z'),
  member('labels', '--label <label>', 'to find it by; repeat for more', collectEntries),
]

/** Too many for one screen: the help only names them. */
const rare = [
  member('audiences', '--audience <audience>', '', collectEntries),
  member('description', '--description <text>'),
  member('subject', '--subject <subject>'),
  member('customClaims', '--claims <json>', '', claims),
  member('tokenAlgorithm', '--algorithm <algorithm>'),
  member('allowedCidrs', '--allow <cidr>', '', collectWords),
  member('deniedCidrs', '--deny <cidr>', '', collectWords),
  member('requestsPerMinute', '--requests-per-minute <number>', '', wholeNumber),
  member('rotateEverySeconds', '--rotate-every <duration>', '', duration),
  member('serviceAccountId', '--service-account <id>'),
]

/** Adds the settings of a key to a verb that creates, changes or rotates one. `--no-…` clears a setting. */
export function settingsOptions(command: Command, { brief = false, clears = true } = {}): Command {
  addOptions(command, brief ? common.map(hiddenCopy) : common)
  addOptions(command, rare.map(hiddenCopy))
  const all = [...common, ...rare]
  if (clears)
    addOptions(
      command,
      all.map((option) => new Option(`--no-${option.name()}`).hideHelp()),
    )
  return command.addHelpText(
    'after',
    `\nAnd: ${lines(brief ? all : rare)}${clears ? '\n--no-… clears a setting.' : ''}`,
  )
}

/** The names, in lines of at most 80 characters. */
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
  const read = readJsonText(text)
  if ('fault' in read && read.fault !== notJson) throw new InvalidArgumentError(`it ${read.fault}`)
  if ('value' in read && isJsonObject(read.value)) return read.value
  throw new InvalidArgumentError('it must be a JSON object, such as \'{"plan":"gold"}\'.')
}
