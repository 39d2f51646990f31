import { fileURLToPath } from 'node:url'
import { defineConfig, type TestProjectConfiguration } from 'vitest/config'

// Every program under test is a process of its own: what one has compiled the next need not compile again.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('node_modules/.cache/node-compile', import.meta.url))

/** Where a line that nobody tried can open a door. */
const coreRooms = ['api-keys', 'audit', 'crypto', 'kit/revocation', 'revocation', 'signing-keys'].map(
  (room) => `src/${room}/**/*.ts`,
)

/** What waits for an event under a ceiling of a second or two: nothing else runs meanwhile. */
const alone = ['test/db/{outage,postgres}.test.ts', 'test/runtime/{node,postgres,workers}.test.ts']

function project(
  name: string,
  groupOrder: number,
  maxWorkers: number,
  files: { include: string[]; exclude?: string[] },
) {
  return {
    test: {
      name,
      ...files,
      setupFiles: ['test/support/vitest-setup.ts'],
      pool: 'forks',
      maxWorkers,
      sequence: { groupOrder },
      // Loading the packages anew for each file took a third of the run; what a file opens, it closes (test/support/cleanup.ts).
      isolate: false,
      testTimeout: 20_000,
      hookTimeout: 60_000,
      restoreMocks: true,
    },
  } satisfies TestProjectConfiguration
}

export default defineConfig({
  test: {
    globalSetup: ['test/support/printed-credentials-setup.ts', 'test/support/global-setup.ts'],
    projects: [
      // Much of a test is waiting for a database or another process: two workers suit two cores, where one would be the default.
      project('together', 0, 2, { include: ['test/**/*.test.ts'], exclude: alone }),
      project('alone', 1, 1, { include: alone }),
    ],
    coverage: {
      include: coreRooms,
      thresholds: Object.fromEntries(coreRooms.map((room) => [room, { lines: 95, branches: 95 }])),
      reporter: ['text', 'json-summary'],
    },
  },
})
