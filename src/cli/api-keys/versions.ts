import type { Command } from 'commander'
import type { ApiKeyVersionView } from '../../api-keys/version-view.ts'
import type { ApiKeyView } from '../../api-keys/view.ts'
import { printableText } from '../../observability/printable-text.ts'
import { wholeNumber } from '../runtime/arguments.ts'
import { type Cli, verb } from '../runtime/command.ts'
import { endingVerb, withDryRun } from '../runtime/ending.ts'
import { pagesVerb } from '../runtime/list.ts'
import { member } from '../runtime/members.ts'
import { shortTime } from '../runtime/output.ts'
import { apiKeyPath, exampleKey } from './path.ts'
import { overlapOption, rotatingVerb } from './rotate.ts'
import { settingsOptions } from './settings.ts'

/** The verbs of `api-keys` about versions. */
export function addVersionVerbs(apiKeys: Command, cli: Cli): void {
  const example = `mintage api-keys rotate ${exampleKey} --overlap 24h`
  const rotate = verb(apiKeys, 'rotate', 'give a key a new secret, shown once', example)
    .argument('<id>', 'id of the key')
    .addOption(overlapOption())
    .addOption(member('name', '--name <name>', 'rename it as well'))
  rotatingVerb(settingsOptions(rotate, { brief: true }), cli, {
    path: ([id = '']) => apiKeyPath(id, '/rotate'),
    wayBack: ({ apiKey: { id } }) => `mintage api-keys rotate ${printableText(id)} --cancel`,
  })

  addVersionsVerb(apiKeys, cli)

  const endVersion = verb(apiKeys, 'end-version', 'end an overlap now', `mintage api-keys end-version ${exampleKey} 1`)
    .argument('<id>', 'id of the key')
    .argument('<version>', 'this version and all before it end', wholeNumber)
  endingVerb<ApiKeyView>(withDryRun(endVersion), cli, {
    doing: 'end the version',
    question: ([id, version]) => `End version ${version} of ${id}? Its tokens stop working at once.`,
    path: ([id = '', version]) => apiKeyPath(id, `/versions/${Number(version)}/end`),
    done: ({ answer, ids: [id = '', version] }) => ({
      json: answer,
      text: `ended version ${Number(version)} of ${printableText(id)} and its tokens; version ${answer.version} works`,
    }),
  })
}

function addVersionsVerb(apiKeys: Command, cli: Cli): void {
  const summary = 'list the versions of a key and who uses them'
  const versions = verb(apiKeys, 'versions', summary, `mintage api-keys versions ${exampleKey}`)
  pagesVerb<ApiKeyVersionView>(versions.argument('<id>', 'id of the key'), cli, {
    what: 'versions',
    path: (id) => apiKeyPath(id, '/versions'),
    columns: [
      { title: 'version', value: ({ version }) => version },
      { title: 'state', value: ({ state }) => state },
      { title: 'hint', value: ({ hint }) => `…${hint}` },
      { title: 'created', value: ({ createdAt }) => shortTime(createdAt) },
      { title: 'ends', value: ({ endsAt }) => endsAt && shortTime(endsAt) },
      { title: 'exchanges', value: ({ exchanges }) => exchanges },
      { title: 'authentications', value: ({ authentications }) => authentications },
      { title: 'last used', value: ({ lastUsedAt }) => lastUsedAt && shortTime(lastUsedAt) },
      { title: 'from', value: ({ addresses }) => addresses.join(' ') },
      { title: 'by', value: ({ agents }) => agents.join(' · ').slice(0, 60) },
    ],
  })
}
