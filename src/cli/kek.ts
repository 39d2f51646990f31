import type { Command } from 'commander'
import type { Page } from '../db/page.ts'
import type { KekView, RewrapView } from '../keks/operations.ts'
import { type Cli, noun, print, verb } from './command.ts'
import { table } from './output.ts'

export function kekCommand(cli: Cli): Command {
  const kek = noun('kek', 'see and change what seals the signing keys', 'mintage kek status')

  verb(kek, 'status', 'which KEKs the service has, and how much each sealed', 'mintage kek status').action(
    async (options: { json?: boolean }) => {
      const page = await cli.api().get<Page<KekView>>('/v1/keks', 'show the KEKs')
      print(cli, options, page, () =>
        table(page.items, [
          { title: 'use', value: ({ use }) => use },
          { title: 'envelopes', value: ({ envelopes }) => envelopes },
          { title: 'live', value: ({ liveEnvelopes }) => liveEnvelopes },
          { title: 'id', value: ({ id }) => id },
        ]),
      )
      if (options.json) return
      const missing = page.items.filter(({ use, envelopes }) => use === 'missing' && envelopes > 0)
      const older = page.items.filter(({ use, envelopes }) => use === 'opens' && envelopes > 0)
      if (missing.length > 0) cli.output.warn('what a missing KEK sealed does not open: docs/runbooks/lost-kek.md')
      if (older.length > 0) cli.output.warn('some envelopes need an older KEK: mintage kek rewrap')
    },
  )

  verb(kek, 'rewrap', 'move every envelope to the KEK that seals', 'mintage kek rewrap').action(async (options: { json?: boolean }) => {
    const rewrap = await cli.api().post<RewrapView>('/v1/keks/rewrap', 'rewrap')
    const { kek: id, envelopes, moved, left } = rewrap
    print(cli, options, rewrap, () => `moved ${moved} of ${envelopes} envelopes to ${id}`)
    if (left.length > 0 && !options.json) cli.output.warn(`left as they were, for they do not open and are not needed: ${left.join(' ')}`)
  })

  return kek
}
