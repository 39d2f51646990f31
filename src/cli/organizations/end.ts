import type { Command } from 'commander'
import type { RevokedApiKeys } from '../../api-keys/revoke-many.ts'
import { printableText } from '../../observability/printable-text.ts'
import { revokedKeysText } from '../api-keys/revoked-keys.ts'
import { type Cli, type JsonOption, print, verb } from '../runtime/command.ts'
import { endingVerb, withDryRun, withReason } from '../runtime/ending.ts'
import { exampleOrganization, organizationPath } from './path.ts'

/** The verbs of `organizations` that stop one, for a while or for good. */
export function addSuspensionVerbs(organizations: Command, cli: Cli): void {
  const example = `mintage organizations suspend ${exampleOrganization}`
  const suspend = verb(organizations, 'suspend', 'suspend it: its keys and tokens stop working', example)
  endingVerb(withDryRun(withReason(suspend.argument('<id>', 'id of the organization'))), cli, {
    doing: 'suspend the organization',
    question: ([id]) => `Suspend ${id}? Its keys and its tokens stop working.`,
    path: ([id = '']) => organizationPath(id, '/suspend'),
    done: ({ ids: [id = ''] }) => ({
      json: { id, suspended: true },
      text: `suspended ${printableText(id)}: no new tokens, and the existing ones are refused`,
    }),
  })

  verb(organizations, 'resume', 'resume a suspended one', `mintage organizations resume ${exampleOrganization}`)
    .argument('<id>', 'id of the organization')
    .action(async (id: string, options: JsonOption) => {
      await cli.api().post(organizationPath(id, '/resume'), 'resume the organization')
      const text = `resumed ${printableText(id)}; tokens issued before stay revoked`
      print(cli, options, { id, suspended: false }, () => text)
    })

  const emergency = `mintage organizations revoke-all ${exampleOrganization} --dry-run`
  const revokeAll = verb(organizations, 'revoke-all', 'emergency: revoke every API key of an organization', emergency)
  endingVerb<RevokedApiKeys>(withDryRun(withReason(revokeAll.argument('<id>', 'id of the organization'))), cli, {
    doing: 'revoke all API keys',
    question: ([id]) => `Revoke every API key of ${id}?`,
    path: ([id = '']) => organizationPath(id, '/revoke-all'),
    dryRunAnswers: true,
    done: ({ answer }) => ({ json: answer, text: revokedKeysText(answer) }),
  })
}
