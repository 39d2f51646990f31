import { loadConfig } from '../../src/config/settings.ts'
import { startService } from '../../src/node/start.ts'
import { processLog } from '../../src/observability/log.node.ts'

// One instance of the service with lifetimes of fractions of a second, which the configuration does not allow. Sends {
// port } when it listens.

const settings = loadConfig(process.env)
const rotateEverySeconds = Number(process.env.ROTATE_EVERY)
const verifierRefreshSeconds = Number(process.env.VERIFIER_REFRESH)
const { log } = processLog('warn', () => new Date())
const service = await startService(
  { ...settings, config: { ...settings.config, rotateEverySeconds, verifierRefreshSeconds } },
  { log },
)
process.on('SIGTERM', () => service.stop(1000).finally(() => process.exit(0)))
// The parent process has ended.
process.on('disconnect', () => process.exit(0))
process.send?.({ port: service.port })
