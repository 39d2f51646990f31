import { parseArgs } from 'node:util'
import { benchAlgorithms } from './algorithms.ts'
import { benchRotation } from './rotation.ts'
import { benchRoute } from './route.ts'
import { keepOffTheServersCore } from './server-process.ts'
import { benchStart } from './start.ts'
import { benchToken } from './token.ts'
import { benchVerify } from './verify.ts'

// npm run bench [-- --only token] [-- --rounds 5] [-- --seconds 2]: measures the performance claims. Compare figures of
// one run only, and trust CPU microseconds per request more than requests per second. docs/performance.md explains the
// comparisons.

const parts = {
  token: benchToken,
  route: benchRoute,
  verify: benchVerify,
  algorithms: benchAlgorithms,
  start: benchStart,
}

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
  },
})
// Takes minutes and all cores, so it runs only on request.
if (values.only === 'rotation') {
  await benchRotation()
  process.exit()
}
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const chosen = Object.entries(parts).filter(([name]) => values.only === undefined || name === values.only)
if (chosen.length === 0 || !(rounds >= 1) || !(seconds >= 1)) {
  console.error(
    `bench: --only takes ${Object.keys(parts).join(', ')}, rotation; --rounds and --seconds take numbers from 1`,
  )
  process.exit(2)
}

console.log(`node ${process.version}, ${keepOffTheServersCore()}; medians of ${rounds} alternations`)
for (const [, bench] of chosen) await bench({ rounds, seconds })
