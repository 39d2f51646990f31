import type { Command } from 'commander'
import type { Page } from '../../db/page.ts'
import { ServiceError } from '../../errors.ts'
import type { Abandoned } from '../../keks/abandon.ts'
import type { KekView } from '../../keks/read.ts'
import type { RewrapView } from '../../keks/rewrap.ts'
import { type Cli, type JsonOption, noun, print, verb } from '../runtime/command.ts'
import { type ConsentOptions, requireConsent, withConsent } from '../runtime/consent.ts'
import { asClause, CliError } from '../runtime/failure.ts'
import { table } from '../runtime/output.ts'
import { withSpinner } from '../runtime/progress.ts'
import { locateFiles, readSettings } from '../runtime/settings.ts'

export function addKekCommand(program: Command, cli: Cli): void {
  const kek = noun(program, 'kek', 'show and change the keys that seal the signing keys', 'mintage kek status')
  addStatusVerb(kek, cli)

  verb(kek, 'rewrap', 'move every envelope to the sealing KEK', 'mintage kek rewrap').action(
    async (options: JsonOption) => {
      const rewrap = await withSpinner(cli, options, 'moving envelopes', () =>
        cli.api().post<RewrapView>('/v1/keks/rewrap', 'rewrap'),
      )
      const { kek: id, envelopes, moved, left } = rewrap
      print(cli, options, rewrap, () => `moved ${moved} of ${envelopes} envelopes to ${id}`)
      if (left.length > 0 && !options.json)
        cli.output.warn(`left in place, because they cannot be opened and are not needed: ${left.join(' ')}`)
    },
  )

  addAbandonVerb(kek, cli)
}

function addStatusVerb(kek: Command, cli: Cli): void {
  const summary = 'show which KEKs the service has, and how many envelopes each sealed'
  verb(kek, 'status', summary, 'mintage kek status').action(async (options: JsonOption) => {
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
    const uses = page.items.filter(({ envelopes }) => envelopes > 0).map(({ use }) => use)
    if (uses.includes('missing'))
      cli.output.warn('what a missing KEK sealed cannot be opened: docs/runbooks/lost-kek.md')
    if (uses.includes('opens')) cli.output.warn('some envelopes need an older KEK: mintage kek rewrap')
  })
}

function addAbandonVerb(kek: Command, cli: Cli): void {
  const summary = 'for a KEK that is lost for good: replace the keys that it sealed'
  withConsent(verb(kek, 'abandon', summary, 'mintage kek abandon kek_q83vEjRWeJq83vEj'))
    .option('--dry-run', 'show which keys it would revoke, change nothing')
    .argument('<id>', 'the missing KEK, as the service named it when it did not start')
    .action(async (id: string, options: ConsentOptions) => {
      const question = 'Revoke every key that this KEK sealed, for good, and all their tokens?'
      await requireConsent(cli, options, question)
      const { dryRun = false } = options
      const abandoned = await withSpinner(cli, options, 'replacing keys', () => abandonIn(cli, id, { dryRun }))
      const { revoked, activated } = abandoned
      if (dryRun) {
        const trial = { dryRun, revoked, activated: activated.length }
        const wouldSign = `${activated.length} new keys would sign`
        print(cli, options, trial, () => [`would revoke ${revoked.length} keys: ${wouldSign}`, ...revoked].join('\n'))
        return
      }
      print(cli, options, abandoned, () => `revoked ${revoked.length} keys, ${activated.length} new ones sign`)
      if (!options.json) cli.output.warn('tokens under the old keys are refused once verifiers fetch the key set again')
    })
}

/** Works on the database directly, with the service's variables: the service does not start without the KEK. */
async function abandonIn(cli: Cli, id: string, trial: { dryRun: boolean }): Promise<Abandoned> {
  const settings = locateFiles(await readSettings(cli), cli)
  const [{ openDatabaseForOperator }, { abandonKek }] = await Promise.all([
    import('../../node/open-database.ts'),
    import('../../keks/abandon.ts'),
  ])
  const { database, keyEncryption } = await openDatabaseForOperator(settings)
  try {
    const services = { db: database.db, config: settings.config, keyEncryption, now: () => new Date() }
    return await abandonKek(services, id, trial)
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    throw new CliError(`cannot abandon the KEK: ${asClause(error.detail)}`, {
      code: error.code,
      hint: 'read docs/runbooks/lost-kek.md',
    })
  } finally {
    await database.close()
  }
}
