/** What commander says, and what we say. Its texts repeat what was typed, and ours name only the option or argument. */
const sayings: readonly (readonly [pattern: RegExp, words: string])[] = [
  [
    /^option '(?:-\w, )?(--[\w-]+)[^']*' argument '[\s\S]*' is invalid\. Allowed choices are (.+?)\.?$/,
    '$1 must be one of: $2',
  ],
  [/^option '(?:-\w, )?(--[\w-]+)[^']*' argument '[\s\S]*' is invalid\. (?:it )?(.+?)\.?$/, '$1 $2'],
  [
    /^command-argument value '[\s\S]*' is invalid for argument '([\w-]+)'\. Allowed choices are (.+?)\.?$/,
    '<$1> must be one of: $2',
  ],
  [/^command-argument value '[\s\S]*' is invalid for argument '([\w-]+)'\. (?:it )?(.+?)\.?$/, '<$1> $2'],
  [/^option '(?:-\w, )?(--[\w-]+)[^']*' argument missing$/, '$1 needs a value'],
  [/^required option '(?:-\w, )?(--[\w-]+)[^']*' not specified$/, '$1 is missing'],
  [
    /^option '(?:-\w, )?(--[\w-]+)[^']*' cannot be used with option '(?:-\w, )?(--[\w-]+)[^']*'$/,
    '$1 cannot be used with $2',
  ],
  [/^missing required argument '([\w-]+)'$/, '<$1> is missing'],
  [
    /^too many arguments for '([\w-]+)'\. Expected (\d+) arguments? but got (\d+)[\s\S]*$/,
    'too many arguments: $1 takes $2, and there are $3',
  ],
]

/**
 * The fault of a command line in our words. What commander says about unknown commands and options stays: it is plain,
 * and suggests the right one.
 *
 * @example wordsOfCommander("error: missing required argument 'id'") // <id> is missing
 */
export function wordsOfCommander(message: string): string {
  const plain = message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .replace(/\.$/, '')
  const known = sayings.find(([pattern]) => pattern.test(plain))
  return known ? plain.replace(...known) : plain
}
