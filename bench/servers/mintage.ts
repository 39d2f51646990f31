import { loadConfig } from '../../src/config.ts'
import { quickenDrizzle } from '../../src/module-loading.node.ts'
import { processLog } from '../../src/observability/log.node.ts'
import { releaseStartupMemory } from '../../src/startup-memory.node.ts'
import { report } from './report.ts'

// The service as `mintage serve` starts it, on the PostgreSQL that the benchmark made.

const settings = loadConfig(process.env)
const { log } = processLog(settings.logLevel, () => new Date())
quickenDrizzle()
const { startService } = await import('../../src/start.node.ts')
const { port } = await startService(settings, { log })
releaseStartupMemory()
report(port)
