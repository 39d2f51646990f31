import { ConfigError, loadConfig } from '../../src/config/settings.ts'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'

/** The least that a service on PostgreSQL is told. */
export const postgres = {
  DATABASE_URL: 'postgres://mintage@db.example/mintage',
  MINTAGE_ISSUER: 'https://auth.example',
  MINTAGE_KEK: generateRawKek(),
}

/** What `loadConfig` finds wrong with the environment; empty = it is accepted. */
export function faultsOf(env: Record<string, string>, runtime?: 'workers'): readonly string[] {
  try {
    loadConfig(env, runtime)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}
