import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// Every test file and every program under test is a process of its own: what one has compiled the next need not compile again.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('node_modules/.cache/node-compile', import.meta.url))

/** Where a line that nobody tried can open a door. */
const coreRooms = ['api-keys', 'audit', 'crypto', 'revocation', 'signing-keys'].map((room) => `src/${room}/**/*.ts`)

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/printed-setup.ts', 'test/support/global-setup.ts'],
    setupFiles: ['test/support/setup.ts'],
    pool: 'forks',
    // Much of a test is waiting for a database or another process: two workers suit two cores, where one would be the default.
    maxWorkers: 2,
    // Loading the packages anew for each file took a third of the run; what a file opens, it closes (test/support/cleanup.ts).
    isolate: false,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    coverage: {
      include: coreRooms,
      thresholds: Object.fromEntries(coreRooms.map((room) => [room, { lines: 95, branches: 95 }])),
      reporter: ['text', 'json-summary'],
    },
  },
})
