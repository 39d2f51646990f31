import { generateApiKey } from '../../src/api-keys/format.ts'
import { createPostgresDatabase } from './databases.ts'
import { deploymentEnvironment } from './deployment-environment.ts'
import { freePort, type ServiceProcess, startServiceProcess } from './service-process.ts'

type Deployment = {
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
  const env = {
    ...deploymentEnvironment({ databaseUrl, issuer, rootKey }),
    MINTAGE_DATABASE_DEADLINE: '60s', // suits a slow machine
    ...extraEnv,
  }
  return {
    databaseUrl,
    port: firstPort,
    issuer,
    rootKey,
    env,
    start: (port = firstPort) => startServiceProcess({ port, env }),
  }
}
