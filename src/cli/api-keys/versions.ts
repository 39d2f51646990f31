import type { Command, Option } from 'commander'
import type { RotatedApiKey, RotationImpact } from '../../api-keys/rotate.ts'
import type { ApiKeyVersionView } from '../../api-keys/version-view.ts'
import type { ApiKeyView } from '../../api-keys/view.ts'
import { printableText } from '../../observability/printable-text.ts'
import { duration, wholeNumber } from '../runtime/arguments.ts'
import { type Cli, verb } from '../runtime/command.ts'
import { endingVerb, withDryRun } from '../runtime/ending.ts'
import { impactText } from '../runtime/impact.ts'
import { pagesVerb } from '../runtime/list.ts'
import { member } from '../runtime/members.ts'
import { fields, shortTime } from '../runtime/output.ts'
import { apiKeyPath, exampleKey } from './path.ts'
import { settingsOptions } from './settings.ts'
import { tokenWarnings } from './view.ts'

/** How long the previous secret keeps working after a rotation. */
export const overlapOption = (): Option =>
  member('overlapSeconds', '--overlap <duration>', '0, 1h, 24h, … (default: as the plan says)', duration)

/** The verbs of `api-keys` about versions. */
export function addVersionVerbs(apiKeys: Command, cli: Cli): void {
  const example = `mintage api-keys rotate ${exampleKey} --overlap 24h`
  const rotate = verb(apiKeys, 'rotate', 'give a key a new secret, shown once', example)
    .argument('<id>', 'id of the key')
    .addOption(overlapOption())
    .addOption(member('name', '--name <name>', 'rename it as well'))
  rotatingVerb(settingsOptions(rotate, { brief: true }), cli, ([id = '']) => apiKeyPath(id, '/rotate'))

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

/** Asks only if a secret or a token that works now would end early, which the service's dry run tells. */
export function rotatingVerb(
  command: Command,
  cli: Cli,
  path: (ids: readonly string[]) => string,
  afterwards?: (rotated: RotatedApiKey) => Promise<readonly string[]>,
): void {
  endingVerb<RotatedApiKey, RotationImpact>(withDryRun(command), cli, {
    doing: 'rotate the API key',
    questionAfterTrial: ({ apiKeys }) =>
      apiKeys === 0 ? undefined : 'Rotate? A secret or tokens that work now end early. --dry-run shows who uses them.',
    path,
    trialText: (trial) => `${previousText(trial)}\n\n${impactText(trial)}`,
    done: ({ answer }) => ({
      json: answer,
      text: fields({ id: answer.apiKey.id, version: answer.apiKey.version, secret: answer.secret }),
      warnings: [
        'the secret is not shown again: store it where your service reads it',
        previousText(answer),
        ...tokenWarnings(answer),
      ],
    }),
    ...(afterwards && { afterwards }),
  })
}

function previousText({ formerVersion }: Pick<RotatedApiKey, 'formerVersion'>): string {
  return `the previous one, version ${formerVersion.version}, works until ${shortTime(formerVersion.endsAt)}`
}
