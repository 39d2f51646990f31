import { createLocalJWKSet, jwtVerify } from 'jose'
import { localKeySet } from '../src/kit/key-sets/local-key-set.ts'
import { memoryRevocationList } from '../src/kit/revocation/memory.ts'
import { createVerifier } from '../src/kit/verify.ts'
import { median } from './load.ts'
import { microseconds, printTable } from './table.ts'
import { audience, createTestIssuer, issuer } from './tokens.ts'

const tokensPerRound = 4000

/** Compares verifying new tokens in this process with jose, which checks what it can. */
export async function benchVerify({ rounds }: { rounds: number }): Promise<void> {
  const { jwks, tokens } = await createTestIssuer()
  const verifier = createVerifier({
    issuer,
    audience,
    keys: localKeySet(async () => jwks),
    revocations: memoryRevocationList(),
  })
  const keys = createLocalJWKSet(jwks)
  const options = {
    issuer,
    audience,
    typ: 'at+jwt',
    algorithms: ['ES256'],
    requiredClaims: ['exp', 'iat', 'sub', 'client_id', 'jti'],
  }
  const contenders: Record<string, (token: string) => unknown> = {
    'jose jwtVerify': (token) => jwtVerify(token, keys, options),
    'verifier, new token': (token) => verifier.verify(token),
  }
  const results = new Map(Object.keys(contenders).map((name): [string, number[]] => [name, []]))
  for (let round = -1; round < rounds; round++) {
    const fresh = await tokens(tokensPerRound)
    for (const [name, verify] of Object.entries(contenders)) {
      const before = process.cpuUsage()
      for (const token of fresh) await verify(token)
      const { user, system } = process.cpuUsage(before)
      // The first round only warms up.
      if (round >= 0) results.get(name)?.push((user + system) / tokensPerRound)
    }
  }
  const [jose = Number.NaN, ours = Number.NaN] = [...results.values()].map(median)
  printTable('verify ES256, one after another', [
    { subject: 'jose jwtVerify', figures: { 'CPU µs': microseconds(jose) }, ratio: jose / ours, target: 1.3 },
    { subject: 'verifier, new token', figures: { 'CPU µs': microseconds(ours) } },
  ])
}
