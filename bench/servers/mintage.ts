import { loadConfig } from '../../src/config/settings.ts'
import { quickenDrizzle } from '../../src/node/module-loading.ts'
import { releaseStartupMemory } from '../../src/node/startup-memory.ts'
import { processLog } from '../../src/observability/log.node.ts'
import { report } from './report.ts'

// The service as `mintage serve` starts it, on the benchmark's PostgreSQL.

const settings = loadConfig(process.env)
const { log } = processLog(settings.logLevel, () => new Date())
quickenDrizzle()
const { startService } = await import('../../src/node/start.ts')
const { port } = await startService(settings, { log })
releaseStartupMemory()
report(port)
