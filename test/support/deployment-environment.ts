import { generateRawKek } from '../../src/crypto/kek/raw.ts'

/** The environment that all instances of one deployment share; each call makes a new KEK. */
export function deploymentEnvironment(options: { databaseUrl: string; issuer: string; rootKey: string }) {
  return {
    DATABASE_URL: options.databaseUrl,
    MINTAGE_ISSUER: options.issuer,
    MINTAGE_ALLOW_HTTP: 'true',
    MINTAGE_KEK: generateRawKek(),
    MINTAGE_ROOT_API_KEY: options.rootKey,
    HOST: '127.0.0.1',
    MINTAGE_DRAIN_TIME: '0',
  }
}
