import { loadConfig } from '../../src/config/settings.ts'
import { startService } from '../../src/node/start.ts'
import { processLog } from '../../src/observability/log.node.ts'

// One instance of the service whose lifetimes are fractions of seconds, finer than the configuration can say. Sends { port } once it listens.

const settings = loadConfig(process.env)
const rotateEverySeconds = Number(process.env.ROTATE_EVERY)
const verifierRefreshSeconds = Number(process.env.VERIFIER_REFRESH)
const { log } = processLog('warn', () => new Date())
const service = await startService(
  { ...settings, config: { ...settings.config, rotateEverySeconds, verifierRefreshSeconds } },
  { log },
)
process.on('SIGTERM', () => service.stop(1000).finally(() => process.exit(0)))
// Whoever started it is gone.
process.on('disconnect', () => process.exit(0))
process.send?.({ port: service.port })
