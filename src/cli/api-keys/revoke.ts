import { createHash } from 'node:crypto'
import { blake3 } from '@noble/hashes/blake3.js'
import { type Command, Option } from 'commander'
import type { RevokedApiKeys } from '../../api-keys/revoke-many.ts'
import { revocationReasons } from '../../revocation/reasons.ts'
import type { Impact } from '../../usage/impact.ts'
import { type Cli, print, verb } from '../runtime/command.ts'
import { requireConsent, withConsent } from '../runtime/consent.ts'
import { UsageError } from '../runtime/failure.ts'
import { readCredential } from '../runtime/input.ts'
import { fields, printable, shortInstant, table } from '../runtime/output.ts'
import { apiKeyPath, exampleKey } from './path.ts'

type Why = { reason: string; text?: string; dryRun?: boolean; yes?: boolean; json?: boolean }
type When = Why & { at?: string; force?: boolean }
type Many = When & {
  organization?: string
  label?: string
  environment?: string
  createdBefore?: string
  serviceAccount?: string
  prefix?: string
  hint?: string
}

export const reasonOption = () =>
  new Option('--reason <reason>', 'why, for the audit trail').choices(revocationReasons).default('other')

/** The verbs of `api-keys` that end keys, and the one that finds the key to end. */
export function addRevokingVerbs(apiKeys: Command, cli: Cli): void {
  revoking(verb(apiKeys, 'revoke', 'revoke an API key and all its tokens', `mintage api-keys revoke ${exampleKey}`))
    .argument('<id>', 'id of the key')
    .action(async (id: string, options: When) => {
      const path = apiKeyPath(id, '/revoke')
      const { at, dryRun } = options
      if (dryRun) {
        const impact = await cli.api().post<Impact>(path, 'try revoking the API key', bodyOf(options))
        print(cli, options, impact, () => impactText(impact))
        return
      }
      await requireConsent(cli, options, {
        question: `Revoke ${printable(id)}? It stops for good, and its tokens die.`,
      })
      await cli.api().post(path, 'revoke the API key', bodyOf(options))
      const from = at === undefined ? '' : `, from ${at} on`
      print(cli, options, { id, revoked: true }, () => `revoked ${printable(id)} and every token that it made${from}`)
    })

  revoking(
    verb(
      apiKeys,
      'revoke-many',
      'revoke all API keys that the options mean',
      'mintage api-keys revoke-many --label ci --dry-run',
    ),
  )
    .option('--organization <id>', 'of this organization')
    .option('--label <label>', 'with this label')
    .addOption(new Option('--environment <environment>', 'of this environment').choices(['live', 'test']))
    .option('--created-before <instant>', 'RFC 3339')
    .option('--service-account <id>', 'of this service account')
    .option('--prefix <prefix>', 'beginning of a leaked secret, such as mk')
    .option('--hint <letters>', 'last four letters of its random part')
    .action(async (options: Many) => {
      const {
        organization: organizationId,
        label,
        environment,
        createdBefore,
        serviceAccount: serviceAccountId,
        prefix,
        hint,
      } = options
      const filter = { organizationId, label, environment, createdBefore, serviceAccountId, prefix, hint }
      if (Object.values(filter).every((value) => value === undefined)) {
        throw new UsageError('which keys is missing', { code: 'usage', hint: 'mintage api-keys revoke-many --help' })
      }
      const question = 'Revoke every API key that the options mean? --dry-run tells which they are.'
      await requireConsent(cli, options, { question, dangerous: true })
      const doing = options.dryRun ? 'try revoking the API keys' : 'revoke the API keys'
      const revoked = await cli.api().post<RevokedApiKeys>('/v1/api-keys/revoke', doing, { filter, ...bodyOf(options) })
      print(cli, options, revoked, () => revokedText(revoked))
    })

  verb(apiKeys, 'find-leaked', 'find the API key of a leaked secret', 'mintage api-keys find-leaked < leaked.txt')
    .addHelpText(
      'after',
      '\nThe secret is read from standard input or MINTAGE_LEAKED_KEY.\nOnly hashes of it are sent.',
    )
    .action(async (options: { json?: boolean }) => {
      const secret = await readLeakedSecret(cli)
      const hashes = {
        sha256: createHash('sha256').update(secret).digest('base64url'),
        blake3: Buffer.from(blake3(Buffer.from(secret))).toString('base64url'),
      }
      const found = await cli.api().post<{ id: string }>('/v1/api-keys/find-leaked', 'find the API key', hashes)
      print(cli, options, found, () => found.id)
      if (!options.json)
        cli.output.warn(`revoke it with: mintage api-keys revoke ${printable(found.id)} --reason leaked`)
    })
}

/** The emergency stands with the organizations. */
export function addRevokeAllVerb(organizations: Command, cli: Cli): void {
  withConsent(
    verb(
      organizations,
      'revoke-all',
      'emergency: revoke every API key of it',
      'mintage organizations revoke-all org_0192f0c4a1b27c3d --dry-run',
    ),
  )
    .argument('<id>', 'id of the organization')
    .addOption(reasonOption())
    .option('--text <text>', 'why, in your own words')
    .option('--dry-run', 'tell what would break, change nothing')
    .action(async (id: string, options: Why) => {
      await requireConsent(cli, options, { question: `Revoke every API key of ${printable(id)}?`, dangerous: true })
      const doing = options.dryRun ? 'try revoking all API keys' : 'revoke all API keys'
      const path = `/v1/organizations/${encodeURIComponent(id)}/revoke-all`
      const revoked = await cli.api().post<RevokedApiKeys>(path, doing, bodyOf(options))
      print(cli, options, revoked, () => revokedText(revoked))
    })
}

async function readLeakedSecret(cli: Cli): Promise<string> {
  const secret = (cli.env.MINTAGE_LEAKED_KEY || (await readCredential(cli.input))).trim()
  if (secret !== '') return secret
  throw new UsageError('the leaked secret is missing', {
    code: 'usage',
    hint: 'mintage api-keys find-leaked < file, or set MINTAGE_LEAKED_KEY; never as an argument',
  })
}

function revoking(command: Command): Command {
  return withConsent(command)
    .addOption(reasonOption())
    .option('--text <text>', 'why, in your own words')
    .option('--at <instant>', 'from when on, RFC 3339 (default: now)')
    .option('--dry-run', 'tell what would break, change nothing')
    .option('--force', 'also the last root key or the last administrator')
}

function bodyOf({ reason, text, at, dryRun, force }: When) {
  return { reason, text, at, dryRun, force }
}

function revokedText({ dryRun, apiKeys, apiKeyIds, effectiveAt, spared, impact }: RevokedApiKeys): string {
  const keys = apiKeys === 1 ? '1 API key' : `${apiKeys} API keys`
  const rest = apiKeys > apiKeyIds.length ? `\n… and ${apiKeys - apiKeyIds.length} more` : ''
  return [
    dryRun ? `would revoke ${keys}` : `revoked ${keys}, from ${shortInstant(effectiveAt)} on`,
    ...apiKeyIds.map((id) => `  ${printable(id)}`),
    ...(rest === '' ? [] : [rest.trim()]),
    ...(spared === null ? [] : [`not your own key, ${printable(spared)}`]),
    ...(impact === null ? [] : ['', impactText(impact)]),
  ].join('\n')
}

export function impactText(impact: Impact): string {
  const said = fields({
    'keys in use': impact.apiKeysUsed,
    'with live tokens': impact.apiKeysWithLiveTokens,
    'tokens until': impact.tokensLiveUntil && shortInstant(impact.tokensLiveUntil),
    exchanges: impact.exchanges,
    'last used': impact.lastUsedAt && shortInstant(impact.lastUsedAt),
  })
  if (impact.lastUses.length === 0) return said
  const uses = table(impact.lastUses, [
    { title: 'key', value: ({ apiKeyId }) => apiKeyId },
    { title: 'version', value: ({ version }) => version },
    { title: 'last used', value: ({ lastUsedAt }) => shortInstant(lastUsedAt) },
    { title: 'from', value: ({ addresses }) => addresses.join(' ') },
    { title: 'by', value: ({ agents }) => agents.join(' · ').slice(0, 60) },
  ])
  return `${said}\n\n${uses}`
}
