import { type Command, Option } from 'commander'
import type { RotatedApiKey } from '../../api-keys/rotate.ts'
import type { ApiKeyVersionView } from '../../api-keys/version-view.ts'
import type { ApiKeyView } from '../../api-keys/view.ts'
import { duration, wholeNumber } from '../runtime/arguments.ts'
import { type Cli, type PageOptions, pageOptions, print, printPage, verb } from '../runtime/command.ts'
import { requireConsent, withConsent } from '../runtime/consent.ts'
import { fields, printable, shortInstant, table } from '../runtime/output.ts'
import { apiKeyPath, exampleKey } from './path.ts'
import { type SettingsOptions, settingsOf, settingsOptions } from './settings.ts'

type RotateOptions = SettingsOptions & { name?: string; overlap?: number; json?: boolean }

/** How long the former secret goes on; the choices that people mostly want, or one of their own. */
export const overlapOption = () =>
  new Option('--overlap <duration>', '0, 1h, 24h or your own (default: the plan says)').argParser(duration)

/** The verbs of `api-keys` about its versions. */
export function addVersionVerbs(apiKeys: Command, cli: Cli): void {
  const rotate = verb(
    apiKeys,
    'rotate',
    'give a key a new secret, shown once',
    `mintage api-keys rotate ${exampleKey} --overlap 24h`,
  )
    .argument('<id>', 'id of the key')
    .addOption(overlapOption())
    .option('--name <name>', 'and call it so from now on')
  settingsOptions(rotate, { brief: true }).action(async (id: string, options: RotateOptions) => {
    const body = { ...settingsOf(options), name: options.name, overlapSeconds: options.overlap }
    printRotated(
      cli,
      options,
      await cli.api().post<RotatedApiKey>(apiKeyPath(id, '/rotate'), 'rotate the API key', body),
    )
  })

  pageOptions(
    verb(
      apiKeys,
      'versions',
      'list the versions of a key, and who uses them',
      `mintage api-keys versions ${exampleKey}`,
    ),
  )
    .argument('<id>', 'id of the key')
    .action(async (id: string, options: PageOptions) => {
      await printPage<ApiKeyVersionView>(
        cli,
        options,
        { path: apiKeyPath(id, '/versions'), what: 'versions' },
        versionTable,
      )
    })

  withConsent(verb(apiKeys, 'end-version', 'end an overlap now', `mintage api-keys end-version ${exampleKey} 1`))
    .argument('<id>', 'id of the key')
    .argument('<version>', 'ends with all before it', wholeNumber)
    .action(async (id: string, version: number, options: { yes?: boolean; json?: boolean }) => {
      await requireConsent(cli, options, {
        question: `End version ${version} of ${printable(id)}? Its tokens die at once.`,
      })
      const apiKey = await cli.api().post<ApiKeyView>(apiKeyPath(id, `/versions/${version}/end`), 'end the version')
      const done = `ended version ${version} of ${printable(id)} and its tokens; version ${apiKey.version} works`
      print(cli, options, apiKey, () => done)
    })
}

export function printRotated(cli: Cli, options: { json?: boolean }, rotated: RotatedApiKey): void {
  const { apiKey, secret, formerVersion } = rotated
  print(cli, options, rotated, () => fields({ id: apiKey.id, version: apiKey.version, secret }))
  if (options.json) return
  cli.output.warn('the secret is not shown again: keep it where your service reads it')
  cli.output.warn(`the former one, version ${formerVersion.version}, works until ${shortInstant(formerVersion.endsAt)}`)
}

function versionTable(versions: readonly ApiKeyVersionView[]): string {
  return table(versions, [
    { title: 'version', value: ({ version }) => version },
    { title: 'state', value: ({ state }) => state },
    { title: 'hint', value: ({ hint }) => `…${hint}` },
    { title: 'created', value: ({ createdAt }) => shortInstant(createdAt) },
    { title: 'ends', value: ({ endsAt }) => endsAt && shortInstant(endsAt) },
    { title: 'exchanges', value: ({ exchanges }) => exchanges },
    { title: 'last used', value: ({ lastUsedAt }) => lastUsedAt && shortInstant(lastUsedAt) },
    { title: 'from', value: ({ addresses }) => addresses.join(' ') },
    { title: 'by', value: ({ agents }) => agents.join(' · ').slice(0, 60) },
  ])
}
