import type { Command } from 'commander'
import type { RevokedApiKeys } from '../../api-keys/revoke-many.ts'
import { printableText } from '../../observability/printable-text.ts'
import type { OrganizationDeletionImpact } from '../../organization-deletion/delete.ts'
import { revokedKeysText } from '../api-keys/revoked-keys.ts'
import { type Cli, type JsonOption, print, verb } from '../runtime/command.ts'
import { endingVerb, withDryRun, withReason } from '../runtime/ending.ts'
import { CliError } from '../runtime/failure.ts'
import { impactText } from '../runtime/impact.ts'
import { member } from '../runtime/members.ts'
import { fields } from '../runtime/output.ts'
import { exampleOrganization, organizationPath } from './path.ts'

/** The verbs of `organizations` that stop one, for a while or for good. */
export function addEndingVerbs(organizations: Command, cli: Cli): void {
  addSuspensionVerbs(organizations, cli)

  const example = `mintage organizations delete ${exampleOrganization} --dry-run`
  const remove = verb(organizations, 'delete', 'delete an organization with everything in it', example)
    .argument('<id>', 'id of the organization')
    .addOption(member('force', '--force', 'also if it has API keys that work'))
  endingVerb<unknown, OrganizationDeletionImpact>(withDryRun(remove), cli, {
    doing: 'delete the organization',
    deletes: true,
    trialText: deletionText,
    questionAfterTrial: (trial, [id = ''], { force }) => {
      if (trial.apiKeys > 0 && !force) throw keysLeft(id, trial)
      const { apiKeys, serviceAccounts, roles } = trial
      const inside = `${apiKeys} API keys, ${serviceAccounts} service accounts and ${roles} roles`
      return `Delete ${id} with ${inside}? ${trial.apiKeysWithLiveTokens} of the keys have live tokens. Nothing brings it back.`
    },
    path: ([id = '']) => organizationPath(id),
    done: ({ ids: [id = ''] }) => ({
      json: { id, deleted: true },
      text: `deleted ${printableText(id)} and everything in it`,
    }),
  })
}

function deletionText(trial: OrganizationDeletionImpact): string {
  const { apiKeys, serviceAccounts, roles } = trial
  return `${fields({ keys: apiKeys, 'service accounts': serviceAccounts, roles })}\n${impactText(trial)}`
}

function keysLeft(id: string, trial: OrganizationDeletionImpact): CliError {
  const keys = trial.apiKeys === 1 ? '1 API key' : `${trial.apiKeys} API keys`
  return new CliError(`cannot delete the organization: it has ${keys}\n\n${deletionText(trial)}\n`, {
    code: 'conflict',
    hint: `to delete its keys too: mintage organizations delete ${id} --force`,
  })
}

function addSuspensionVerbs(organizations: Command, cli: Cli): void {
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
