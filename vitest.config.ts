import { fileURLToPath } from 'node:url'
import { defineConfig, type TestProjectConfiguration } from 'vitest/config'

// Every program under test is a separate process: with a shared cache, each module is compiled once.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('node_modules/.cache/node-compile', import.meta.url))

/** The rooms where one untested line can open a door. */
const coreRooms = ['api-keys', 'audit', 'crypto', 'kit/revocation', 'revocation', 'signing-keys'].map(
  (room) => `src/${room}/**/*.ts`,
)

type Options = Extract<TestProjectConfiguration, { test?: unknown }>['test']

function project(name: string, options: Options) {
  return {
    test: {
      name,
      setupFiles: ['test/support/vitest-setup.ts'],
      pool: 'forks',
      // Loading the packages again for each file took a third of the run. Each file closes what it opens (test/support/cleanup.ts).
      isolate: false,
      // These only end a test that hangs. No test fails because the machine is slow.
      testTimeout: 300_000,
      hookTimeout: 300_000,
      expect: { poll: { timeout: 60_000 } },
      restoreMocks: true,
      ...options,
    },
  } satisfies TestProjectConfiguration
}

export default defineConfig({
  test: {
    globalSetup: ['test/support/printed-credentials-setup.ts', 'test/support/global-setup.ts'],
    projects: [
      // `npm test`. Most tests wait for a database or another process: two workers suit two cores.
      project('main', { include: ['test/**/*.test.ts'], exclude: ['test/systems/**'], maxWorkers: 2 }),
      // `npm run test:systems`: what needs real neighbours or many processes, such as a browser or a rolling restart.
      project('systems', {
        include: ['test/systems/**/*.test.ts'],
        globalSetup: ['test/support/systems-setup.ts'],
        maxWorkers: 1,
        sequence: { groupOrder: 1 },
      }),
    ],
    coverage: {
      include: coreRooms,
      thresholds: Object.fromEntries(coreRooms.map((room) => [room, { lines: 95, branches: 95 }])),
      reporter: ['text', 'json-summary'],
    },
  },
})
