import type { SigningKeyView } from '../../signing-keys/view.ts'
import { type Cli, type JsonOption, print } from '../runtime/command.ts'
import { fields } from '../runtime/output.ts'

/** Prints a key after it changed state; warns when it signs before every verifier can know it. */
export function printKey(cli: Cli, options: JsonOption & { force?: boolean }, key: SigningKeyView): void {
  const { kid, purpose, algorithm, state, activatesAt, safeAt } = key
  print(cli, options, key, () =>
    fields({ kid, purpose, algorithm, state, activates: activatesAt, 'safe from': safeAt }),
  )
  if (!options.force || options.json || activatesAt === null || activatesAt >= safeAt) return
  cli.output.warn(`forced: until ${safeAt} a verifier that has not fetched the key set again cannot check its tokens`)
}
