import type { Command } from 'commander'
import type { Settings } from '../../config/settings.ts'
import { ServiceError } from '../../errors.ts'
import type { CreatedRootKey } from '../../root-keys.ts'
import { type Cli, type JsonOption, noun, print, verb } from '../runtime/command.ts'
import { keepSecret } from '../runtime/credentials-file.ts'
import { asClause, CliError, UsageError } from '../runtime/failure.ts'
import { fields, shortTime } from '../runtime/output.ts'
import { locateFiles, readSettings } from '../runtime/settings.ts'

type Options = JsonOption & { organization?: string; declared?: boolean }

export function addRootKeysCommand(program: Command, cli: Cli): void {
  const rootKeys = noun(program, 'root-keys', 'a way back in after all root keys are lost', 'mintage root-keys create')
  verb(rootKeys, 'create', "create a root key in the database, as its owner's role", 'mintage root-keys create')
    .option('--organization <id>', 'where it belongs (default: the oldest that is not suspended)')
    .option('--declared', 'store the key in MINTAGE_ROOT_API_KEY instead of a new one')
    .addHelpText(
      'after',
      '\nNeeds no key. Connects with DATABASE_MIGRATION_URL, otherwise DATABASE_URL.\nStop the service first if it uses the embedded database.',
    )
    .action(async (options: Options) => {
      const settings = asOwner(locateFiles(await readSettings(cli), cli))
      const isEmbedded = settings.database.kind === 'embedded'
      const created = await createIn(settings, options)
      const { apiKeyId: id, organizationId: organization, expiresAt, rootApiKey } = created
      const secret = rootApiKey ?? 'the one in MINTAGE_ROOT_API_KEY'
      print(cli, options, created, () =>
        fields({ id, organization, expires: expiresAt && shortTime(expiresAt), 'root key': secret }),
      )
      const kept = isEmbedded && rootApiKey !== null ? await keepSecret(cli, { rootApiKey }) : undefined
      if (options.json) return
      if (kept !== undefined) cli.output.warn(kept)
      if (rootApiKey !== null) cli.output.warn('the root key is not shown again: store it now')
      cli.output.warn('find the root keys that you lost, and revoke them: mintage api-keys list')
    })
}

/** Works on the database directly: no key is left that the service would accept. */
async function createIn(settings: Settings, { organization, declared = false }: Options): Promise<CreatedRootKey> {
  const [{ openDatabaseForOperator }, { createRootKey }, { nodePlatform }] = await Promise.all([
    import('../../node/open-database.ts'),
    import('../../root-keys.ts'),
    import('../../node/platform.ts'),
  ])
  const { database } = await openDatabaseForOperator(settings)
  try {
    const services = { db: database.db, config: settings.config, platform: nodePlatform(), now: () => new Date() }
    return await createRootKey(services, { organizationId: organization, declared })
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message)
    if (!(error instanceof ServiceError)) throw error
    throw new CliError(`cannot create the root key: ${asClause(error.detail)}`, {
      code: error.code,
      hint:
        error.code === 'permission_denied'
          ? "set DATABASE_MIGRATION_URL to the owner's postgres:// URL"
          : 'read docs/losing-access.md',
    })
  } finally {
    await database.close()
  }
}

/** The owner's connection, without migrating: a new schema could lock out the service that runs. */
function asOwner(settings: Settings): Settings {
  const { database } = settings
  if (database.kind === 'postgres')
    return { ...settings, database: { ...database, url: database.migrationUrl ?? database.url, migrationUrl: null } }
  if (database.folder !== null) return settings
  throw new UsageError('a database in memory ends with its process, so it has no root key to replace', {
    hint: 'set MINTAGE_ROOT_API_KEY before the start; `mintage api-keys generate` makes one',
  })
}
