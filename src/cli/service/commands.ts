import type { Command } from 'commander'
import { type Cli, print, verb } from '../runtime/command.ts'
import { busy, requireConsent, withConsent } from '../runtime/consent.ts'
import { CliError, UsageError } from '../runtime/failure.ts'
import { fields } from '../runtime/output.ts'
import { locateFiles, readSettings } from '../runtime/settings.ts'

/** The commands that work on this machine: with the database itself, or as the service. Each loads what it needs only when it runs. */
export function addLocalCommands(program: Command, cli: Cli): void {
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
      throw new UsageError('there is no PostgreSQL to migrate', {
        hint: "set DATABASE_MIGRATION_URL to the owner's postgres:// URL; the embedded database migrates itself",
      })
    }
    const { migrate } = await import('../../db/migrate.ts')
    await busy(cli, options, 'migrating', () => migrate(url))
    print(cli, options, { migrated: true }, () => 'the schema is up to date')
  })

  verb(program, 'bootstrap', 'first start on PostgreSQL: prints the root key once', 'mintage bootstrap').action(
    async (options: { json?: boolean }) => {
      const firstStart = await bootstrapPostgres(cli)
      print(cli, options, firstStart, () =>
        fields({
          organization: firstStart.organizationId,
          'root key': firstStart.rootApiKey ?? 'the one in MINTAGE_ROOT_API_KEY',
        }),
      )
      if (!options.json && firstStart.rootApiKey)
        cli.output.warn('the root key is not shown again: keep it as MINTAGE_API_KEY where you work')
    },
  )

  withConsent(
    verb(
      program,
      'restored',
      'after a restore from a backup, before the service starts: all tokens issued until now die',
      'mintage restored',
    ),
  ).action(async (options: { yes?: boolean; json?: boolean }) => {
    await requireConsent(cli, options, { question: 'Kill every token that was issued until now?', dangerous: true })
    const generation = await declareDatabaseRestored(cli)
    print(
      cli,
      options,
      { generation },
      () => 'every token issued until now is dead, and every verifier will load the whole list',
    )
    if (!options.json) cli.output.warn('API keys that were revoked since the backup are alive again: revoke them now')
  })
}

async function declareDatabaseRestored(cli: Cli): Promise<number> {
  const settings = locateFiles(await readSettings(cli), cli)
  const [{ openDatabase }, { declareRestored }] = await Promise.all([
    import('../../node/start.ts'),
    import('../../restore.ts'),
  ])
  const { database } = await openDatabase(settings)
  try {
    return await declareRestored({ db: database.db, config: settings.config, now: () => new Date() })
  } finally {
    await database.close()
  }
}

async function bootstrapPostgres(cli: Cli) {
  const settings = locateFiles(await readSettings(cli), cli)
  if (settings.database.kind !== 'postgres') {
    throw new UsageError('the embedded database bootstraps itself', { hint: 'mintage serve' })
  }
  const [{ openDatabase }, { bootstrap }, { nodePlatform }] = await Promise.all([
    import('../../node/start.ts'),
    import('../../bootstrap.ts'),
    import('../../node/platform.ts'),
  ])
  const { database, keyEncryption } = await openDatabase(settings)
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
      throw new CliError('this database was started before, and its root key was shown then', {
        code: 'conflict',
        hint: 'mintage serve; if the root key is lost, see docs/configuration.md',
      })
    }
    return { organizationId: firstStart.organizationId, rootApiKey: firstStart.rootApiKey }
  } finally {
    await database.close()
  }
}
