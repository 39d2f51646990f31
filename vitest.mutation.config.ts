import { defineConfig } from 'vitest/config'

/** The tests of the pure rules. None needs a database: `npm run mutation` runs each of them hundreds of times. */
export default defineConfig({
  test: {
    include: [
      'test/access/{authorize,cidr,custom-role}.test.ts',
      'test/api-keys/{format,status}.test.ts',
      'test/audit/{canonical-json,chain-text}.test.ts',
      'test/oauth/*.test.ts',
      'test/kit/revocation/rules.test.ts',
      'test/security/token-{claims,text}.test.ts',
      'test/signing-keys/{lifecycle,verifier-readiness}.test.ts',
      'test/kit/{verifier,token/*}.test.ts',
    ],
    restoreMocks: true,
  },
})
