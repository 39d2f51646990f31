import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/printed-setup.ts', 'test/support/global-setup.ts'],
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    coverage: {
      // The rooms where a line that nobody tried can open a door.
      include: ['api-keys', 'audit', 'crypto', 'revocation', 'signing-keys'].map((room) => `src/${room}/**/*.ts`),
      thresholds: { lines: 95, branches: 95 },
      reporter: ['text', 'json-summary'],
    },
  },
})
