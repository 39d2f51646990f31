import type { Settings } from '../../config/settings.ts'
import { UsageError } from './failure.ts'
import { locate, type Surroundings } from './surroundings.ts'

/** The service's configuration in this environment. Throws `UsageError` with every fault of it. */
export async function readSettings({ env }: Pick<Surroundings, 'env'>): Promise<Settings> {
  const { ConfigError, loadConfig } = await import('../../config/settings.ts')
  try {
    return loadConfig(env)
  } catch (error) {
    if (error instanceof ConfigError)
      throw new UsageError(error.message, { hint: 'names and defaults are in docs/configuration.md' })
    throw error
  }
}

/** The same with paths that can be opened, whatever the folder of the process. */
export function locateFiles(settings: Settings, here: Pick<Surroundings, 'folder'>): Settings {
  const { config, database, dataDir } = settings
  const locateKek = (written: string) =>
    written.startsWith('file:') ? `file:${locate(here, written.slice('file:'.length))}` : written
  return {
    ...settings,
    config: { ...config, kek: config.kek && locateKek(config.kek), previousKeks: config.previousKeks.map(locateKek) },
    database:
      database.kind === 'embedded' && database.folder !== null
        ? { ...database, folder: locate(here, database.folder) }
        : database,
    dataDir: locate(here, dataDir),
  }
}
