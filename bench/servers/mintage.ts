import { loadConfig } from '../../src/config.ts'
import { processLog } from '../../src/observability/log.node.ts'
import { startService } from '../../src/start.node.ts'
import { report } from './report.ts'

// The service as `mintage serve` starts it, on the PostgreSQL that the benchmark made.

const settings = loadConfig(process.env)
const { log } = processLog(settings.logLevel, () => new Date())
const { port } = await startService(settings, { log })
report(port)
