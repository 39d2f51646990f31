import { defineConfig } from 'vitest/config'

/** The tests of the pure rules, without any database: each of them runs hundreds of times in `npm run mutation`. */
export default defineConfig({
  test: {
    include: [
      'test/access/{authorize,custom-role}.test.ts',
      'test/api-keys/{address,format,status}.test.ts',
      'test/audit/{canonical-json,chain-text}.test.ts',
      'test/oauth/*.test.ts',
      'test/revocation/rules.test.ts',
      'test/security/token-{claims,text}.test.ts',
      'test/signing-keys/{lifecycle,readiness}.test.ts',
      'test/verify/{claims,token-header,token-text,verifier}.test.ts',
    ],
    restoreMocks: true,
  },
})
