import { generateApiKey } from '../../src/api-keys/format.ts'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { createPostgresDatabase } from './databases.ts'
import { freePort, type ServiceProcess, startServiceProcess } from './service-process.ts'

/** The environment that all instances of one deployment share; each call makes a new KEK. */
export function deploymentEnvironment(options: { databaseUrl: string; issuer: string; rootKey: string }) {
  return {
    DATABASE_URL: options.databaseUrl,
    MINTAGE_ISSUER: options.issuer,
    MINTAGE_ALLOW_HTTP: 'true',
    MINTAGE_KEK: generateRawKek(),
    MINTAGE_ROOT_API_KEY: options.rootKey,
    HOST: '127.0.0.1',
  }
}

export type Deployment = {
  readonly databaseUrl: string
  /** Port of the first instance. */
  readonly port: number
  /** Address of the first instance. */
  readonly issuer: string
  readonly rootKey: string
  readonly env: ReturnType<typeof deploymentEnvironment> & Record<string, string>
  /** Starts the first instance, or another one if a port is given, and waits until it is ready. */
  start(port?: number): Promise<ServiceProcess>
}

/** A deployment on a PostgreSQL database that was migrated and never started. */
export async function createDeployment(extraEnv: Record<string, string> = {}): Promise<Deployment> {
  const databaseUrl = await createPostgresDatabase()
  const firstPort = await freePort()
  const issuer = `http://localhost:${firstPort}`
  const rootKey = generateApiKey('live')
  const env = { ...deploymentEnvironment({ databaseUrl, issuer, rootKey }), ...extraEnv }
  return {
    databaseUrl,
    port: firstPort,
    issuer,
    rootKey,
    env,
    start: (port = firstPort) => startServiceProcess({ port, env }),
  }
}
