import type { Command } from 'commander'
import type { EnabledApiKey } from '../../api-keys/disable.ts'
import type { RevokedApiKeys } from '../../api-keys/revoke-many.ts'
import { printableText } from '../../observability/printable-text.ts'
import { type Cli, type JsonOption, print, verb } from '../runtime/command.ts'
import { endingVerb, withDryRun, withForce, withReason } from '../runtime/ending.ts'
import { UsageError } from '../runtime/failure.ts'
import { member, membersOf } from '../runtime/members.ts'
import { shortTime } from '../runtime/output.ts'
import { apiKeyPath, exampleKey } from './path.ts'
import { revokedKeysText } from './revoked-keys.ts'

/** The verbs of `api-keys` that stop keys for a while or for good. */
export function addEndingVerbs(apiKeys: Command, cli: Cli): void {
  addSwitchingVerbs(apiKeys, cli)

  const expire = verb(apiKeys, 'expire', 'expire a key now, for good', `mintage api-keys expire ${exampleKey}`)
  endingVerb(withForce(withDryRun(expire.argument('<id>', 'id of the key'))), cli, {
    doing: 'expire the API key',
    question: ([id]) => `Expire ${id}? It stays expired, and its tokens stop working at once.`,
    path: ([id = '']) => apiKeyPath(id, '/expire'),
    done: ({ ids: [id = ''] }) => ({
      json: { id, expired: true },
      text: `expired ${printableText(id)} and all its tokens`,
    }),
  })

  const revoke = verb(
    apiKeys,
    'revoke',
    'revoke an API key and all its tokens',
    `mintage api-keys revoke ${exampleKey}`,
  )
  endingVerb(revokingOptions(revoke.argument('<id>', 'id of the key')), cli, {
    doing: 'revoke the API key',
    question: ([id]) => `Revoke ${id}? It stops working for good, and so do its tokens.`,
    path: ([id = '']) => apiKeyPath(id, '/revoke'),
    done: ({ ids: [id = ''], options: { at } }) => ({
      json: { id, revoked: true },
      text: `revoked ${printableText(id)} and all its tokens${at === undefined ? '' : `, from ${at} on`}`,
    }),
  })

  const remove = verb(
    apiKeys,
    'delete',
    'delete a key; its tokens stop working',
    `mintage api-keys delete ${exampleKey}`,
  )
  endingVerb(withForce(withDryRun(remove.argument('<id>', 'id of the key'))), cli, {
    doing: 'delete the API key',
    deletes: true,
    question: ([id]) => `Delete ${id}? It stops working for good, and so do its tokens. Its usage is deleted too.`,
    path: ([id = '']) => apiKeyPath(id),
    done: ({ ids: [id = ''] }) => ({
      json: { id, deleted: true },
      text: `deleted ${printableText(id)}, and revoked all its tokens`,
    }),
  })

  addRevokeManyVerb(apiKeys, cli)
}

function addSwitchingVerbs(apiKeys: Command, cli: Cli): void {
  const disable = verb(apiKeys, 'disable', 'disable a key and its tokens', `mintage api-keys disable ${exampleKey}`)
  endingVerb(withForce(withDryRun(disable.argument('<id>', 'id of the key'))), cli, {
    doing: 'disable the API key',
    question: ([id]) => `Disable ${id}? Its tokens stop working at once.`,
    path: ([id = '']) => apiKeyPath(id, '/disable'),
    done: ({ ids: [id = ''] }) => ({
      json: { id, disabled: true },
      text: `disabled ${printableText(id)}: no new tokens, and the existing ones are refused`,
    }),
  })

  verb(apiKeys, 'enable', 'enable a disabled key again', `mintage api-keys enable ${exampleKey}`)
    .argument('<id>', 'id of the key')
    .action(async (id: string, options: JsonOption) => {
      const enabled = await cli.api().post<EnabledApiKey>(apiKeyPath(id, '/enable'), 'enable the API key')
      const from = enabled.tokensUsableFrom
      const since = from === null ? 'it was not disabled' : `tokens issued from ${shortTime(from)} on are accepted`
      print(cli, options, enabled, () => `enabled ${printableText(id)}; ${since}`)
    })
}

function addRevokeManyVerb(apiKeys: Command, cli: Cli): void {
  const summary = 'revoke every API key that matches the options'
  const command = verb(apiKeys, 'revoke-many', summary, 'mintage api-keys revoke-many --label ci --dry-run')
    .addOption(member('filter.organizationId', '--organization <id>', 'of this organization'))
    .addOption(member('filter.label', '--label <label>', 'with this label'))
    .addOption(
      member('filter.environment', '--environment <environment>', 'of this environment').choices(['live', 'test']),
    )
    .addOption(member('filter.createdBefore', '--created-before <time>', 'RFC 3339'))
    .addOption(member('filter.serviceAccountId', '--service-account <id>', 'of this service account'))
    .addOption(member('filter.prefix', '--prefix <prefix>', 'how a leaked secret begins, such as mk'))
    .addOption(member('filter.hint', '--hint <letters>', 'last four letters of its random part'))
  endingVerb<RevokedApiKeys>(revokingOptions(command), cli, {
    doing: 'revoke the API keys',
    question: () => 'Revoke every API key that matches the options? --dry-run shows which.',
    path: () => {
      if (membersOf(command).filter !== undefined) return '/v1/api-keys/revoke'
      throw new UsageError('no filter given: say which keys to revoke', {
        code: 'usage',
        hint: 'mintage api-keys revoke-many --help',
      })
    },
    dryRunAnswers: true,
    done: ({ answer }) => ({ json: answer, text: revokedKeysText(answer) }),
  })
}

function revokingOptions(command: Command): Command {
  return withForce(
    withDryRun(
      withReason(command).addOption(member('at', '--at <time>', 'when it takes effect, RFC 3339 (default: now)')),
    ),
  )
}
