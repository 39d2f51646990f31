import type { Command } from 'commander'
import type { Page } from '../../db/page.ts'
import { ServiceError } from '../../errors.ts'
import type { Abandoned } from '../../keks/abandon.ts'
import type { KekView, RewrapView } from '../../keks/operations.ts'
import { type Cli, noun, print, verb } from '../runtime/command.ts'
import { busy, requireConsent, withConsent } from '../runtime/consent.ts'
import { asClause, CliError } from '../runtime/failure.ts'
import { table } from '../runtime/output.ts'
import { locateFiles, readSettings } from '../runtime/settings.ts'

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

  verb(kek, 'rewrap', 'move every envelope to the KEK that seals', 'mintage kek rewrap').action(
    async (options: { json?: boolean }) => {
      const rewrap = await busy(cli, options, 'moving envelopes', () =>
        cli.api().post<RewrapView>('/v1/keks/rewrap', 'rewrap'),
      )
      const { kek: id, envelopes, moved, left } = rewrap
      print(cli, options, rewrap, () => `moved ${moved} of ${envelopes} envelopes to ${id}`)
      if (left.length > 0 && !options.json)
        cli.output.warn(`left as they were, for they do not open and are not needed: ${left.join(' ')}`)
    },
  )

  withConsent(
    verb(
      kek,
      'abandon',
      'for a KEK that is lost for good: replace the keys that it sealed',
      'mintage kek abandon kek_q83vEjRWeJq83vEj',
    ),
  )
    .argument('<id>', 'the missing KEK, as the service named it when it did not start')
    .action(async (id: string, options: { yes?: boolean; json?: boolean }) => {
      const question = 'Revoke every key that this KEK sealed, for good? Their tokens die.'
      await requireConsent(cli, options, { question, dangerous: true })
      const abandoned = await busy(cli, options, 'replacing keys', () => abandonIn(cli, id))
      const { revoked, activated } = abandoned
      print(cli, options, abandoned, () => `revoked ${revoked.length} keys, ${activated.length} new ones sign`)
      if (!options.json) cli.output.warn('tokens under the old keys die when verifiers fetch the key set again')
    })

  return kek
}

/** On the database itself, with the service's variables: the service does not start without the KEK. */
async function abandonIn(cli: Cli, id: string): Promise<Abandoned> {
  const settings = locateFiles(await readSettings(cli), cli)
  const [{ openDatabase }, { abandonKek }] = await Promise.all([
    import('../../node/start.ts'),
    import('../../keks/abandon.ts'),
  ])
  const { database, keyEncryption } = await openDatabase(settings)
  try {
    return await abandonKek({ db: database.db, config: settings.config, keyEncryption, now: () => new Date() }, id)
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    throw new CliError(`cannot abandon the KEK: ${asClause(error.detail)}`, {
      code: error.code,
      hint: 'docs/runbooks/lost-kek.md',
    })
  } finally {
    await database.close()
  }
}
