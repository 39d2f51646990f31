import { type Command, Option } from 'commander'
import type { RotatedApiKey } from '../api-keys/rotating.ts'
import type { ApiKeyVersionView } from '../api-keys/versions/view.ts'
import type { ApiKeyView } from '../api-keys/view.ts'
import type { Page } from '../db/page.ts'
import { type SettingsOptions, settingsOf, settingsOptions } from './api-key-settings.ts'
import { type Cli, print, verb, wholeNumber } from './command.ts'
import { requireConsent, withConsent } from './consent.ts'
import { duration } from './duration.ts'
import { fields, printable, shortInstant, table } from './output.ts'

type RotateOptions = SettingsOptions & { name?: string; overlap?: number; json?: boolean }

const example = 'key_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f'
const pathOf = (id: string, rest: string) => `/v1/api-keys/${encodeURIComponent(id)}/${rest}`

/** How long the former secret goes on; the choices that people mostly want, or one of their own. */
export const overlapOption = () => new Option('--overlap <duration>', '0, 1h, 24h or your own (default: the plan says)').argParser(duration)

/** The verbs of `api-keys` about its versions. */
export function addVersionVerbs(apiKeys: Command, cli: Cli): void {
  const rotate = verb(apiKeys, 'rotate', 'give a key a new secret, shown once', `mintage api-keys rotate ${example} --overlap 24h`)
    .argument('<id>', 'id of the key')
    .addOption(overlapOption())
    .option('--name <name>', 'and call it so from now on')
  settingsOptions(rotate, { brief: true }).action(async (id: string, options: RotateOptions) => {
    const body = { ...settingsOf(options), name: options.name, overlapSeconds: options.overlap }
    printRotated(cli, options, await cli.api().post<RotatedApiKey>(pathOf(id, 'rotate'), 'rotate the API key', body))
  })

  verb(apiKeys, 'versions', 'list the versions of a key, and who uses them', `mintage api-keys versions ${example}`)
    .argument('<id>', 'id of the key')
    .option('--limit <number>', 'how many, at most 200', wholeNumber)
    .option('--cursor <cursor>', 'go on where the last page ended')
    .action(async (id: string, options: { limit?: number; cursor?: string; json?: boolean }) => {
      const query = { limit: options.limit?.toString(), cursor: options.cursor }
      const page = await cli.api().get<Page<ApiKeyVersionView>>(pathOf(id, 'versions'), 'list the versions', query)
      print(cli, options, page, () => versionTable(page.items))
      if (page.nextCursor !== null && !options.json) cli.output.warn(`there are more: add --cursor ${page.nextCursor}`)
    })

  withConsent(verb(apiKeys, 'end-version', 'end an overlap now', `mintage api-keys end-version ${example} 1`))
    .argument('<id>', 'id of the key')
    .argument('<version>', 'ends with all before it', wholeNumber)
    .action(async (id: string, version: number, options: { yes?: boolean; json?: boolean }) => {
      await requireConsent(cli, options, { question: `End version ${version} of ${printable(id)}? Its tokens die at once.` })
      const apiKey = await cli.api().post<ApiKeyView>(pathOf(id, `versions/${version}/end`), 'end the version')
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
