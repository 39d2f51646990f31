import { ConfigError, loadConfig } from '../../src/config/settings.ts'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'

/** The required variables of a service on PostgreSQL. */
export const postgres = {
  DATABASE_URL: 'postgres://mintage@db.example/mintage',
  MINTAGE_ISSUER: 'https://auth.example',
  MINTAGE_KEK: generateRawKek(),
}

/** Faults that `loadConfig` finds in the environment; empty = accepted. */
export function faultsOf(env: Record<string, string>, runtime?: 'workers'): readonly string[] {
  try {
    loadConfig(env, runtime)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}
