import { compactVerify, importJWK } from 'jose'
import { readPublicJwk } from '../src/kit/key-sets/jwk.ts'
import { createSignatureCheck } from '../src/kit/signatures/signature.ts'
import { readTokenText } from '../src/kit/token/token-text.ts'
import { signJwt } from '../src/signing-keys/jwt.ts'
import { generateKeyPair } from '../src/signing-keys/key-pair.ts'
import { createSigner as createNodeSigner } from '../src/signing-keys/openssl-signer.node.ts'
import { algorithms } from '../src/signing-keys/signer.ts'
import { createSigner as createWebCryptoSigner } from '../src/signing-keys/webcrypto-signer.ts'
import { median } from './load.ts'
import { microseconds, printTable, type Row } from './table.ts'

const times = 500
const claims = {
  iss: 'https://auth.example',
  aud: 'https://api.example',
  sub: 'key',
  scope: 'orders:read',
  jti: 'x'.repeat(22),
  exp: 2e9,
}

/**
 * Compares signing and verifying on Node with WebCrypto and jose, per algorithm. Shows whether the detour through DER
 * still pays.
 */
export async function benchAlgorithms({ rounds }: { rounds: number }): Promise<void> {
  const rows: Row[] = []
  for (const algorithm of algorithms) {
    const { kid, publicJwk, privateJwk } = await generateKeyPair(algorithm)
    const ours = { kid, algorithm, sign: await createNodeSigner(algorithm, privateJwk) }
    const web = { kid, algorithm, sign: await createWebCryptoSigner(algorithm, privateJwk) }
    const text = await signJwt(ours, 'at+jwt', claims)
    const parts = readTokenText(text)
    const jwk = readPublicJwk({ ...publicJwk, kid, alg: algorithm }, new Set([algorithm]))
    if (typeof parts === 'string' || !jwk) throw new Error('cannot read a token that we signed')
    const check = await createSignatureCheck(jwk)
    const publicKey = await importJWK(publicJwk, algorithm)
    const pairs = {
      sign: [() => signJwt(ours, 'at+jwt', claims), () => signJwt(web, 'at+jwt', claims)],
      verify: [() => check(parts), () => compactVerify(text, publicKey)],
    } as const
    for (const [what, [mine, theirs]] of Object.entries(pairs)) {
      const figures: [number[], number[]] = [[], []]
      for (let round = -1; round < rounds; round++) {
        const measured = [await microsecondsOf(mine), await microsecondsOf(theirs)] as const
        // The first round only warms up.
        if (round >= 0) for (const side of [0, 1] as const) figures[side].push(measured[side])
      }
      const [own, other] = [median(figures[0]), median(figures[1])]
      rows.push({
        subject: `${algorithm}, ${what}`,
        figures: { 'CPU µs': microseconds(own), WebCrypto: microseconds(other) },
        ratio: other / own,
      })
    }
  }
  printTable('signatures, one after another', rows)
}

async function microsecondsOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  for (let time = 0; time < times; time++) await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times
}
