import type { Command } from 'commander'
import { type Cli, print, verb } from '../runtime/command.ts'
import { type ConsentOptions, requireConsent, withConsent } from '../runtime/consent.ts'
import { CliError, UsageError } from '../runtime/failure.ts'
import { impactText } from '../runtime/impact.ts'
import { fields } from '../runtime/output.ts'
import { withSpinner } from '../runtime/progress.ts'
import { locateFiles, readSettings } from '../runtime/settings.ts'

/** The commands that run the service or work on its database. Each loads what it needs only when it runs. */
export function addServiceCommands(program: Command, cli: Cli): void {
  verb(program, 'serve', 'run the service', 'mintage serve').action(async () => {
    const { main } = await import('../../node/main.ts')
    await main(cli.env)
  })

  verb(
    program,
    'migrate',
    'bring a PostgreSQL schema up to date, as its owner',
    'DATABASE_MIGRATION_URL=postgres://… mintage migrate',
  ).action(async (options: { json?: boolean }) => {
    const url = cli.env.DATABASE_MIGRATION_URL || cli.env.DATABASE_URL
    if (!url || !/^postgres(ql)?:\/\//.test(url)) {
      throw new UsageError('no PostgreSQL database to migrate', {
        hint: "set DATABASE_MIGRATION_URL to the owner's postgres:// URL; the embedded database migrates itself",
      })
    }
    const { migrate } = await import('../../db/migrate.ts')
    await withSpinner(cli, options, 'migrating', () => migrate(url))
    print(cli, options, { migrated: true }, () => 'the schema is up to date')
  })

  verb(program, 'bootstrap', 'first start on PostgreSQL: print the root key, once', 'mintage bootstrap').action(
    async (options: { json?: boolean }) => {
      const firstStart = await bootstrapPostgres(cli)
      print(cli, options, firstStart, () =>
        fields({
          organization: firstStart.organizationId,
          'root key': firstStart.rootApiKey ?? 'the one in MINTAGE_ROOT_API_KEY',
        }),
      )
      if (!options.json && firstStart.rootApiKey)
        cli.output.warn('the root key is not shown again: store it as MINTAGE_API_KEY where you work')
    },
  )

  withConsent(
    verb(
      program,
      'restored',
      'after restoring a backup, before the service starts: revoke all tokens',
      'mintage restored',
    ),
  )
    .option('--dry-run', 'show what would break, change nothing')
    .action(async (options: ConsentOptions) => {
      if (options.dryRun) {
        const impact = await inRestoredDatabase(cli, (restoring, services) => restoring.tryDeclaringRestored(services))
        print(cli, options, impact, () => impactText(impact))
        if (!options.json)
          cli.output.warn('tokens issued after the backup are refused too, but the backup does not know them')
        return
      }
      await requireConsent(cli, options, 'Revoke every token issued until now?')
      const generation = await inRestoredDatabase(cli, (restoring, services) => restoring.declareRestored(services))
      print(
        cli,
        options,
        { generation },
        () => 'revoked every token issued until now; verifiers will reload the whole list',
      )
      if (!options.json) cli.output.warn('API keys that were revoked after the backup work again: revoke them now')
    })
}

type Restoring = typeof import('../../restore.ts')

/** Works on the restored database directly: the service is not running yet. */
async function inRestoredDatabase<Answer>(
  cli: Cli,
  work: (restoring: Restoring, services: Parameters<Restoring['declareRestored']>[0]) => Promise<Answer>,
): Promise<Answer> {
  const settings = locateFiles(await readSettings(cli), cli)
  const [{ openDatabaseForOperator }, restoring] = await Promise.all([
    import('../../node/open-database.ts'),
    import('../../restore.ts'),
  ])
  const { database } = await openDatabaseForOperator(settings)
  try {
    return await work(restoring, { db: database.db, config: settings.config, now: () => new Date() })
  } finally {
    await database.close()
  }
}

async function bootstrapPostgres(cli: Cli) {
  const settings = locateFiles(await readSettings(cli), cli)
  if (settings.database.kind !== 'postgres') {
    throw new UsageError('the embedded database bootstraps itself', { hint: 'mintage serve' })
  }
  const [{ openDatabaseForOperator }, { bootstrap }, { nodePlatform }] = await Promise.all([
    import('../../node/open-database.ts'),
    import('../../bootstrap.ts'),
    import('../../node/platform.ts'),
  ])
  const { database, keyEncryption } = await openDatabaseForOperator(settings)
  try {
    const services = {
      db: database.db,
      config: settings.config,
      keyEncryption,
      platform: nodePlatform(),
      now: () => new Date(),
    }
    const firstStart = await bootstrap(services, { withTestKey: false })
    if (!firstStart) {
      throw new CliError('this database was bootstrapped before; its root key was shown then', {
        code: 'conflict',
        hint: 'mintage serve; if the root key is lost, read docs/losing-access.md',
      })
    }
    return { organizationId: firstStart.organizationId, rootApiKey: firstStart.rootApiKey }
  } finally {
    await database.close()
  }
}
