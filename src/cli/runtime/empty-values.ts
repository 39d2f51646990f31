import type { Command } from 'commander'
import { UsageError } from './failure.ts'
import { wordsOf } from './help.ts'

/**
 * Refuses a command line with an empty argument or an empty value of an option: in a script it is a variable that was
 * not set. Only a description may be empty. Lists check their own entries (arguments.ts).
 */
export function refuseEmptyValues(command: Command): void {
  const option = command.options.find(
    (each) => each.long !== '--description' && command.getOptionValue(each.attributeName()) === '',
  )
  const argument = command.registeredArguments.find((_, place) => command.args[place] === '')
  const hint = `${wordsOf(command)} --help`
  if (option) {
    throw new UsageError(`${option.long} must not be empty. Leave the option out, or give a value`, {
      code: 'usage',
      hint,
    })
  }
  if (argument) throw new UsageError(`<${argument.name()}> must not be empty`, { code: 'usage', hint })
}
