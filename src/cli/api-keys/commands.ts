import type { Command } from 'commander'
import { apiKeyOrders } from '../../api-keys/order.ts'
import type { UpdatedApiKey } from '../../api-keys/update.ts'
import type { ApiKeyDetail, ApiKeyView } from '../../api-keys/view.ts'
import { wholeNumber } from '../runtime/arguments.ts'
import { type Cli, type JsonOption, noun, print, showVerb, verb } from '../runtime/command.ts'
import { endingVerb, withDryRun } from '../runtime/ending.ts'
import { listVerb } from '../runtime/list.ts'
import { member, membersOf } from '../runtime/members.ts'
import { fields, shortTime } from '../runtime/output.ts'
import { addEndingVerbs } from './end.ts'
import { addFindLeakedVerb } from './find-leaked.ts'
import { addImportVerb } from './import.ts'
import { addOfflineVerbs } from './offline.ts'
import { apiKeyPath, exampleKey } from './path.ts'
import { settingsOptions } from './settings.ts'
import { addVersionVerbs } from './versions.ts'
import { apiKeyFields, tokenWarnings, usageTable } from './view.ts'

export function addApiKeysCommand(program: Command, cli: Cli): void {
  const apiKeys = noun(
    program,
    'api-keys',
    'create, find, change, rotate, revoke and delete API keys',
    'mintage api-keys list',
  )
  addCreateVerb(apiKeys, cli)
  addFindingVerbs(apiKeys, cli)
  addUpdateVerb(apiKeys, cli)
  addVersionVerbs(apiKeys, cli)
  addEndingVerbs(apiKeys, cli)
  addFindLeakedVerb(apiKeys, cli)
  addOfflineVerbs(apiKeys, cli)
  addImportVerb(apiKeys, cli)
}

function addCreateVerb(apiKeys: Command, cli: Cli): void {
  const summary = 'create an API key; its secret is shown once'
  const create = verb(apiKeys, 'create', summary, 'mintage api-keys create orders --scope orders:read')
    .argument('<name>', 'for people, 1 to 100 characters')
    .addOption(
      member('environment', '--environment <environment>', 'what its tokens are for')
        .choices(['live', 'test'])
        .default('live'),
    )
    .addOption(member('organizationId', '--organization <id>', 'where it belongs (default: yours)'))
  settingsOptions(create, { clears: false }).action(async (name: string, options: JsonOption) => {
    const body = { name, ...membersOf(create) }
    const created = await cli
      .api()
      .post<{ apiKey: ApiKeyView; secret: string }>('/v1/api-keys', 'create the API key', body)
    const { id } = created.apiKey
    print(cli, options, created, () => fields({ id, name: created.apiKey.name, secret: created.secret }))
    if (!options.json) cli.output.warn('the secret is not shown again: store it where your service reads it')
  })
}

function addFindingVerbs(apiKeys: Command, cli: Cli): void {
  listVerb<ApiKeyView>(apiKeys, cli, {
    path: '/v1/api-keys',
    what: 'API keys',
    example: 'mintage api-keys list --label ci --status usable',
    filters: [
      member('organizationId', '--organization <id>', 'of this organization'),
      member('environment', '--environment <environment>', 'of this environment').choices(['live', 'test']),
      member('label', '--label <label>', 'with this label'),
      member('status', '--status <status>', 'usable, disabled, expired, revoked, …'),
      member('serviceAccountId', '--service-account <id>', 'of this service account'),
      member('name', '--name <text>', 'with this in the name'),
      member('createdAfter', '--created-after <time>', 'RFC 3339'),
      member('createdBefore', '--created-before <time>', 'RFC 3339'),
      member('usedSince', '--used-since <time>', 'RFC 3339; used at this time or later'),
      member('unusedSince', '--unused-since <time>', 'RFC 3339; not used since then, or never'),
      member('sort', '--sort <order>', 'newest first, latest use first, or longest unused first').choices(apiKeyOrders),
    ],
    columns: [
      { title: 'id', value: ({ id }) => id },
      { title: 'name', value: ({ name }) => name },
      { title: 'env', value: ({ environment }) => environment },
      { title: 'status', value: ({ status }) => status },
      { title: 'hint', value: ({ hint }) => `…${hint}` },
      { title: 'scopes', value: ({ scopes }) => scopes.join(' ') },
      { title: 'created', value: ({ createdAt }) => shortTime(createdAt) },
      { title: 'last used', value: ({ lastUsedAt }) => lastUsedAt && shortTime(lastUsedAt) },
    ],
  })

  showVerb<ApiKeyDetail>(apiKeys, cli, {
    what: 'an API key',
    example: `mintage api-keys show ${exampleKey}`,
    argument: ['<id>', 'id of the key'],
    path: apiKeyPath,
    words: (apiKey) => `${apiKeyFields(apiKey)}\n\n${usageTable(apiKey.usage)}`,
  })
}

function addUpdateVerb(apiKeys: Command, cli: Cli): void {
  const example = `mintage api-keys update ${exampleKey} --label ci`
  const update = verb(apiKeys, 'update', 'change the settings of a key; its secret stays the same', example)
    .argument('<id>', 'id of the key')
    .addOption(member('name', '--name <name>', 'for people, 1 to 100 characters'))
    .addOption(member('endTokens', '--end-tokens', 'end the tokens that it has now'))
    .option('--revision <number>', 'fail if the revision is no longer this one', wholeNumber)
  endingVerb<UpdatedApiKey>(withDryRun(settingsOptions(update, { brief: true })), cli, {
    doing: 'change the API key',
    patches: true,
    questionAfterTrial: ({ apiKeys }, [id]) =>
      apiKeys === 0 ? undefined : `Change ${id}? Tokens that work now end early. --dry-run shows who uses them.`,
    path: ([id = '']) => apiKeyPath(id),
    done: ({ answer }) => ({ json: answer, text: apiKeyFields(answer), warnings: tokenWarnings(answer) }),
  })
}
