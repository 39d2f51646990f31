import type { SigningKeyView } from '../../signing-keys/view.ts'
import { type Cli, type JsonOption, print } from '../runtime/command.ts'
import { fields } from '../runtime/output.ts'

/** Prints a key after it changed state. */
export function printKey(cli: Cli, options: JsonOption, key: SigningKeyView): void {
  print(cli, options, key, () => keyText(key).text)
}

/** A key after it changed state; warns if it signs before every verifier can know it. */
export function keyText(
  { kid, purpose, algorithm, state, activatesAt, safeAt }: SigningKeyView,
  { force = false }: { force?: boolean } = {},
): { text: string; warnings: readonly string[] } {
  const early = force && activatesAt !== null && activatesAt < safeAt
  return {
    text: fields({ kid, purpose, algorithm, state, activates: activatesAt, 'safe from': safeAt }),
    warnings: early
      ? [`forced: until ${safeAt} a verifier that has not fetched the key set again cannot check its tokens`]
      : [],
  }
}
