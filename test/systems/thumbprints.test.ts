import { execFileSync } from 'node:child_process'
import { describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { systemPrincipal } from '../../src/access/principal.ts'
import { addSigningKey } from '../../src/signing-keys/add.ts'
import { generateKeyPair } from '../../src/signing-keys/key-pair.ts'
import { algorithms } from '../../src/signing-keys/signer.ts'
import { startTestService } from '../support/test-service.ts'

/** Debian's `jose`: an independent implementation in C. */
function jose(args: string[], input: string): string {
  return execFileSync('jose', args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] }).trim()
}

const thumbprint = (jwk: object) => jose(['jwk', 'thp', '-i', '-', '-a', 'S256'], JSON.stringify(jwk))

const keySet = z.object({ keys: z.array(z.object({ kid: z.string(), kty: z.string() }).loose()) })

describe.runIf(inject('joseCommand'))('an independent implementation (jose jwk thp)', () => {
  // It does not know Ed25519. test/signing-keys/key-pair.test.ts checks those keys against the example in RFC 8037.
  const known = algorithms.filter((algorithm) => algorithm !== 'EdDSA')

  test.each(known)('R88 computes the same thumbprint for a new %s key', async (algorithm) => {
    const { kid, publicJwk } = await generateKeyPair(algorithm)
    expect(thumbprint(publicJwk)).toBe(kid)
    // Other members and their order make no difference.
    const dressed = Object.fromEntries(Object.entries({ use: 'sig', alg: algorithm, ...publicJwk }).reverse())
    expect(thumbprint(dressed)).toBe(kid)
  })

  test('R88 computes the same thumbprint for every published key', async () => {
    const service = await startTestService()
    for (const algorithm of known)
      if (algorithm !== 'ES256') await addSigningKey(service.services, systemPrincipal, { algorithm })
    service.clock.advance(1)
    const { keys } = keySet.parse(await (await service.request('/.well-known/jwks.json')).json())
    expect(keys).toHaveLength(2 + known.length - 1)
    for (const { kid, ...jwk } of keys) expect(thumbprint(jwk)).toBe(kid)
  })

  test('R86 finds no private member in the published set', async () => {
    const service = await startTestService()
    const text = await (await service.request('/.well-known/jwks.json')).text()
    for (const jwk of keySet.parse(JSON.parse(text)).keys) {
      expect(JSON.parse(jose(['jwk', 'pub', '-i', '-'], JSON.stringify(jwk)))).toEqual(jwk)
    }
  })
})
