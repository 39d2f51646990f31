import { defineConfig } from 'vitest/config'

/** The tests of the pure rules, without any database: each of them runs hundreds of times in `npm run mutation`. */
export default defineConfig({
  test: {
    include: [
      'test/access/{authorize,cidr,custom-role}.test.ts',
      'test/api-keys/{format,status}.test.ts',
      'test/audit/{canonical-json,chain-text}.test.ts',
      'test/oauth/*.test.ts',
      'test/kit/revocation/rules.test.ts',
      'test/security/token-{claims,text}.test.ts',
      'test/signing-keys/{lifecycle,readiness}.test.ts',
      'test/kit/{verifier,token/*}.test.ts',
    ],
    restoreMocks: true,
  },
})
