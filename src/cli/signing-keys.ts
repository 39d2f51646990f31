import { type Command, Option } from 'commander'
import type { Page } from '../db/page.ts'
import type { SigningKeyView } from '../signing-keys/view.ts'
import { type Cli, noun, print, verb } from './command.ts'
import { fields, shortInstant, table } from './output.ts'

export function signingKeysCommand(cli: Cli): Command {
  const signingKeys = noun('signing-keys', 'list and rotate the keys that sign', 'mintage signing-keys list')

  verb(signingKeys, 'list', 'list signing keys', 'mintage signing-keys list').action(async (options: { json?: boolean }) => {
    const page = await cli.api().get<Page<SigningKeyView>>('/v1/signing-keys', 'list signing keys')
    print(cli, options, page, () =>
      table(page.items, [
        { title: 'kid', value: ({ kid }) => kid },
        { title: 'purpose', value: ({ purpose }) => purpose },
        { title: 'state', value: ({ state }) => state },
        { title: 'activates', value: ({ activatesAt }) => activatesAt && shortInstant(activatesAt) },
        { title: 'safe from', value: ({ safeAt }) => shortInstant(safeAt) },
      ]),
    )
  })

  verb(signingKeys, 'rotate', 'let the pending key sign, and publish the next', 'mintage signing-keys rotate')
    .addOption(new Option('--purpose <purpose>', 'which ring').choices(['token', 'record']).default('token'))
    .option('--force', 'before it is safe: verifiers may refuse good tokens for a while')
    .action(async (options: { purpose: string; force?: boolean; json?: boolean }) => {
      const body = { purpose: options.purpose, force: options.force ?? false }
      const signingKey = await cli.api().post<SigningKeyView>('/v1/signing-keys/rotate', 'rotate the signing key', body)
      const { kid, purpose, state, activatesAt } = signingKey
      print(cli, options, signingKey, () => fields({ kid, purpose, state, activates: activatesAt }))
    })

  return signingKeys
}
