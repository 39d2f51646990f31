import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError, loadConfig, type Settings } from '../config/settings.ts'
import { errorWords } from '../observability/error-words.ts'
import { processLog } from '../observability/log.node.ts'
import { localFiles, testKeyWorks } from './first-start.ts'
import { withFreePort } from './free-port.ts'
import { quickenDrizzle } from './module-loading.ts'
import type { RunningService } from './start.ts'
import { releaseStartupMemory } from './startup-memory.ts'

/**
 * Runs the service until SIGTERM or SIGINT. SIGTERM drains first; SIGINT, or a second SIGTERM, does not wait. Exit code
 * 0: stopped gracefully; 1: could not start or stop; 2: wrong configuration.
 */
export async function main(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const startedAt = performance.now()
  const settings = settingsOrExit(await withFreePort(env))
  const { log, flush } = processLog(settings.logLevel, () => new Date())
  process.on('exit', flush)
  let service: RunningService
  try {
    const { startService } = await import('./start.ts')
    service = await startService(settings, { log })
  } catch (error) {
    return fail(errorWords(error), 1)
  }
  stopOnSignal(service)
  log('info', 'started', {
    port: service.port,
    issuer: settings.config.issuer,
    milliseconds: Math.round(performance.now() - startedAt),
  })
  for (const line of await welcome(settings, service)) process.stderr.write(`${line}\n`)
  releaseStartupMemory()
}

function settingsOrExit(env: Readonly<Record<string, string | undefined>>): Settings {
  try {
    return loadConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) fail(error.message, 2)
    throw error
  }
}

function fail(message: string, code: number): never {
  process.stderr.write(`mintage: ${message}\n`)
  process.exit(code)
}

function stopOnSignal(service: RunningService): void {
  const { log } = service.services
  let stopping = false
  const stop = () => {
    if (stopping) return
    stopping = true
    log('info', 'stopping')
    service.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log('error', 'stop_failed', { error })
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', () => {
    log('info', 'draining')
    void service.drain().then(stop)
  })
  process.on('SIGINT', stop)
}

/**
 * For the person at the terminal, on standard error: standard output is for the log. Shows where keys are, never a key.
 */
async function welcome(
  { config, dataDir, database }: Settings,
  { port, firstStart, services }: RunningService,
): Promise<string[]> {
  const lines = ['', `Mintage is listening on ${config.issuer} (port ${port}).`]
  if (database.kind === 'postgres' || database.folder === null) return [...lines, '']
  const files = localFiles(dataDir)
  if (firstStart)
    lines.push(`First start: created the key ring, the organization "default" and its keys (${files.credentials}).`)
  const [doing, command] = (await testKeyWorks(services, dataDir))
    ? ['Exchange the test API key', `curl -X POST ${config.issuer}/token -H @${relativeToHere(files.apiKeyHeader)}`]
    : ['The test API key no longer works. Create another one', 'mintage api-keys create test --environment test']
  return [...lines, '', `${doing}:`, `  ${command}`, '']
}

function relativeToHere(path: string): string {
  return /^[A-Za-z0-9_./-]+$/.test(path) ? path : `"${join(path)}"`
}

const startedDirectly =
  process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)
if (startedDirectly) {
  quickenDrizzle()
  await main()
}
